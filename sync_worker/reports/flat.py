"""The report as plain rows, for the formats that programs and spreadsheets read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from sync_worker.reports.ageing import Impact, Item
from sync_worker.reports.story import Issue
from sync_worker.state.instants import to_text

# Excel in some languages takes the wide forms of the four signs for the narrow ones.
_WIDE = ("\uff1d", "\uff0b", "\uff0d", "\uff20")

Plain = str | int | Decimal | date | None


class Flat(NamedTuple):
    """Rows under their names."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Plain]]


LINK = "link"
ITEM_COLUMNS = (
    "project_id",
    "project_number",
    "project",
    "id",
    "number",
    "subject",
    "ball_in_court",
    "company",
    "responsible_contractor",
    "opened_on",
    "due_on",
    "age_days",
    "age_working_days",
    "age_band",
    "overdue_days",
    "cost_impact",
    "cost_impact_value",
    "schedule_impact",
    "schedule_impact_days",
    LINK,
)
PROJECT_COLUMNS = (
    "project_id",
    "project_number",
    "project",
    "time_zone",
    "data_as_of",
    "verdict",
    "left_out",
    "detail",
)


def items(issue: Issue) -> Flat:
    """What waits, worst first; ids as text, since a spreadsheet rounds long numbers."""
    return Flat(ITEM_COLUMNS, [_item(item) for item in issue.ageing.items])


def projects(issue: Issue) -> Flat:
    """Every project, how far it can be believed, or why it is left out."""
    return Flat(PROJECT_COLUMNS, list(_projects(issue)))


def defused(text: str) -> str:
    """Text that a spreadsheet takes for text, not for a formula."""
    return f"'{text}" if is_formula(text) else text


def is_formula(text: str) -> bool:
    """Whether a spreadsheet might compute it."""
    return text.startswith(("=", "+", "-", "@", "\t", "\r", "\n", *_WIDE))


def _item(item: Item) -> tuple[Plain, ...]:
    return (
        str(item.project.project_id),
        item.project.number,
        item.project.name,
        item.id,
        item.number,
        item.title,
        "; ".join(holder.name for holder in item.holders),
        "; ".join(dict.fromkeys(holder.company for holder in item.holders)),
        item.contractor,
        item.opened_on,
        item.due_on,
        item.age_days,
        item.age_working_days,
        item.band,
        item.overdue_days,
        *_impact(item.cost),
        *_impact(item.schedule),
        item.link,
    )


def _impact(impact: Impact) -> tuple[Plain, Plain]:
    return impact.status or None, impact.value


def _projects(issue: Issue) -> Iterator[tuple[Plain, ...]]:
    for told in issue.standing.included:
        project = told.project
        zone = str(project.zone or "UTC")
        yield (
            str(project.project_id), project.number, project.name, zone, to_text(told.as_of), told.verdict, None,
            told.error,
        )  # fmt: skip
    for left in issue.standing.left_out:
        project = left.project
        zone = str(project.zone or "UTC")
        yield str(project.project_id), project.number, project.name, zone, None, None, left.reason, left.detail
