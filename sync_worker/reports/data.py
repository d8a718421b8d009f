"""The input of reports: the rows of their SQL, the projects, and who works for which company."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple, TypeVar

from sync_worker.catalog import STREAMS
from sync_worker.destination.protocol import Parameter, Transaction
from sync_worker.reports.coverage import ReportedProject
from sync_worker.reports.days import zone_named
from sync_worker.reports.document import Figure
from sync_worker.reports.previous import Figures
from sync_worker.reports.text import amount, short_day

_PEOPLE = ("project_users", "company_users", "company_users_inactive")

AnyRow = TypeVar("AnyRow", bound=NamedTuple)


class Employers:
    """The companies that people work for, from the directories of the projects and of the company."""

    def __init__(self, by_place: Mapping[tuple[int | None, int], str]) -> None:
        self._by_place = by_place

    def of(self, person_id: int, project_id: int) -> str | None:
        """Return the name of the company a person works for, None if no directory shows it."""
        return self._by_place.get((project_id, person_id)) or self._by_place.get((None, person_id))


class ReportData(NamedTuple):
    """The input of a report: a view of the stored data, its projects, the time, and the previous issue."""

    view: Transaction
    projects: Sequence[ReportedProject]
    now: datetime
    last: Figures | None = None

    def rows(self, row: type[AnyRow], sql: str, where: str = "TRUE", **parameters: Parameter) -> list[AnyRow]:
        """Return the rows of a SELECT as `row`, without those whose `project_id` is not in the report.

        `where` calls a row `item`. Raises `DestinationError`, which names a column that the SQL lacks.
        """
        columns = ", ".join(f"item.{name}" for name in row._fields)
        # Safe to insert: the statement comes from the job, whose code runs here anyway.
        statement = f"SELECT {columns} FROM (\n{sql.strip().removesuffix(';')}\n) AS item WHERE {where}"  # noqa: S608
        found = [row._make(values) for values in self.view.execute(statement, parameters)]
        included = {None, *(project.project_id for project in self.projects)}
        return [each for each in found if getattr(each, "project_id", None) in included]

    def employers(self) -> Employers:
        """Return who works for which company, from the stored directories."""
        by_place: dict[tuple[int | None, int], str] = {}
        for stream in _PEOPLE:
            if self.view.has_table(stream):
                is_project = stream == "project_users"
                columns = ("id", "project_id" if is_project else "id", "vendor")
                for person, project, vendor in self.view.live_values(STREAMS[stream], columns, {}):
                    if name := name_in(parsed(vendor)):
                        by_place[int(project or 0) if is_project else None, int(person or 0)] = name
        return Employers(by_place)

    def trend(self, figure: str, now: Figure, week_ago: Figure | None = None) -> str:
        """Return an arrow and words for how a figure moved since the last issue, or else since `week_ago`."""
        before, span = week_ago, "in a week"
        if self.last and figure in self.last.values:
            before, span = self.last.values[figure], f"since {since_text(self.last, self.now)}"
        if before is None:
            return ""
        if now == before:
            return f"= no change {span}"
        return f"▲ {amount(now - before)} more {span}" if now > before else f"▼ {amount(before - now)} fewer {span}"


def since_text(last: Figures, now: datetime) -> str:
    """Return when an issue was made: `24 Nov`, or, today, `04:38 UTC`."""
    if last.made_at.date() == now.date():
        return f"{last.made_at:%H:%M} UTC"
    return short_day(last.made_at.date()).removesuffix(f" {now.year}")


def read_projects(view: Transaction) -> list[ReportedProject]:
    """Return every project that was ever read."""
    columns = ("id", "company_id", "name", "display_name", "project_number", "active", "tz_name", "time_zone")
    return [
        ReportedProject(
            int(project_id or 0),
            int(company_id) if company_id else None,
            str(name or display_name or f"Project {project_id}"),
            str(number or ""),
            is_active=active is None or bool(active),
            # `time_zone` may hold a name that only Procore knows.
            zone=zone_named(str(tz_name or ""), str(time_zone or "")),
        )
        for project_id, company_id, name, display_name, number, active, tz_name, time_zone in view.live_values(
            STREAMS["projects"], columns, {}
        )
    ]


def read_companies(view: Transaction) -> Sequence[str]:
    """Return the names of the companies that the projects belong to."""
    return [str(name) for (name,) in view.live_values(STREAMS["companies"], ("name",), {}) if name]


def parsed(text: object) -> Any:
    """Return the value of a JSON text, with decimals for numbers, as some are money; None if it is not JSON."""
    try:
        return json.loads(text or "null", parse_float=Decimal, parse_int=Decimal)  # type: ignore[arg-type]
    except (ValueError, TypeError, RecursionError):
        return None


def name_in(record: Any) -> str | None:
    """Return the name in a reference to a person or a company."""
    name = record.get("name") if isinstance(record, dict) else None
    return name.strip() or None if isinstance(name, str) else None
