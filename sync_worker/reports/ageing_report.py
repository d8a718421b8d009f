"""The ageing report: how long items are open and with whom, in a headline, tiles, charts and tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from functools import partial
from itertools import groupby

from sync_worker.clock import utc_text
from sync_worker.reports.ageing import (
    IMPACT,
    NOBODY,
    OLD,
    OPEN,
    OVERDUE,
    UNKNOWN_COMPANY,
    Ageing,
    AgeingRow,
    Impact,
    Item,
    measure,
)
from sync_worker.reports.data import ReportData
from sync_worker.reports.days import WORKING_DAYS
from sync_worker.reports.document import Bars, Cell, Column, Document, PageTable, Table, Tile, Tone, Value
from sync_worker.reports.text import amount, day_span, percent, short_day, things

_MOST_ROWS = 500
# The seven days before today, and the two by which "today" differs between time zones.
_LOOKS_BACK = timedelta(days=9)
_CAME_OR_WENT = "item.state IS NULL OR item.state <> 'closed' OR item.closed_at >= :since OR item.opened_at >= :since"

COLUMNS = (
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
    "link",
)


def ageing_report(data: ReportData, *, noun: str, sql: str) -> Document:
    """Build a report on open items: `sql` has a row for each `noun`, in the columns of `AgeingRow`.

    `jobs/report_rfi_ageing.sql` explains the columns.
    """
    rows = data.rows(AgeingRow, sql, _CAME_OR_WENT, since=utc_text(data.now - _LOOKS_BACK))
    return describe(data, measure(rows, data.projects, data.employers(), data.now), noun)


def describe(data: ReportData, ageing: Ageing, noun: str) -> Document:
    """Return the document of an ageing."""
    return Document(
        headline=_headline(ageing, noun),
        blocks=[*_tiles(data, ageing), *_charts(ageing), _worst_first(ageing, noun)],
        tables=[Table("items", f"{noun}s", COLUMNS, [_values(item) for item in ageing.items])],
        figures=ageing.figures,
        facts={
            "median_age_days": ageing.median_age_days,
            "opened_in_week": ageing.opened,
            "closed_in_week": ageing.closed,
            "week": ageing.week,
            "drafts_left_out": ageing.drafts,
        },
        rules=list(_rules(data, ageing, noun)),
        project_columns=[Column("Open", "number"), Column("Overdue", "number"), Column("Oldest", "number")],
        project_cells=_project_cells(data, ageing),
    )


def _headline(ageing: Ageing, noun: str) -> str:
    overdue = ageing.figures[OVERDUE]
    if not ageing.items:
        return f"No {noun} is open."
    if not overdue:
        return f"{things(len(ageing.items), noun)} {_are(len(ageing.items))} open, none of them overdue."
    # A company is more informative than a person, unless it holds everything.
    companies = [bar for bar in ageing.by_company() if bar.name not in (NOBODY, UNKNOWN_COMPANY)]
    people = [bar for bar in ageing.by_holder() if bar.name != NOBODY]
    most = next(iter(companies if len(companies) > 1 else people), None)
    where = f", {most.part} of them with {most.name}" if most and most.part else ""
    return f"{things(overdue, noun)} {_are(overdue)} overdue{where}."


def _tiles(data: ReportData, ageing: Ageing) -> Iterator[Tile]:
    figures, before = ageing.figures, ageing.before
    total, old, impact = figures[OPEN], figures[OLD], figures[IMPACT]

    def tile(label: str, name: str, note: str, tone: Tone) -> Tile:
        return Tile(label, str(figures[name]), note, tone, data.trend(name, figures[name], before[name]))

    share = partial(percent, whole=total)
    yield tile("Overdue", OVERDUE, f"{share(figures[OVERDUE])} of what is open", "bad" if figures[OVERDUE] else "good")
    last_open = data.last.values.get(OPEN, before[OPEN]) if data.last else before[OPEN]
    half = f"half for {ageing.median_age_days} days or more"
    yield tile("Open", OPEN, half, "warn" if total > last_open else "good")
    yield tile("Over 30 days", OLD, f"{share(old)} of what is open", "warn" if old else "good")
    net = ageing.opened - ageing.closed
    word = f"▲ {net} more opened" if net > 0 else f"▼ {-net} more closed" if net < 0 else "= as many closed as opened"
    moved = f"{ageing.opened} / {ageing.closed}"
    yield Tile("Opened / closed", moved, day_span(*ageing.week), "warn" if net > 0 else "good", word)
    cost = sum(item.cost.is_certain for item in ageing.items)
    days = sum(item.schedule.is_certain for item in ageing.items)
    yield tile("With impact", IMPACT, f"{cost} cost, {days} schedule", "warn" if impact else "good")


def _charts(ageing: Ageing) -> Iterator[Bars]:
    several = any(len(item.holders) > 1 for item in ageing.items)
    note = "Items with several holders count for each of them." if several else ""
    companies, holders = ageing.by_company(), ageing.by_holder()
    yield Bars("Where it is stuck: with which company", companies, "companies", "Companies", "company", note=note)
    yield Bars("With whom", holders, "holders", "Holders", "ball_in_court", note=note)
    yield Bars("In which project", ageing.by_project(), most=12)
    note = "Calendar days since they were submitted."
    yield Bars("How long they wait", ageing.by_band(), "bands", head="Days open", unit="days", note=note)


def _worst_first(ageing: Ageing, noun: str) -> PageTable:
    columns = [
        Column(noun, widths=(6, 11)),
        Column("Subject", widths=(33, 33)),
        Column("With", widths=(18, 26)),
        Column("Due", "day", (11, 0)),
        Column("Overdue", "number", (9, 15)),
        Column("Open", "number", (9, 15)),
        Column("Impact", widths=(14, 0)),
    ]
    shows_company = len(ageing.by_company()) > 1
    rows = [_row(item, shows_company=shows_company) for item in ageing.items[:_MOST_ROWS]]
    note = "Days are calendar days; in grey, working days."
    if len(ageing.items) > _MOST_ROWS:
        note += f" {len(ageing.items) - _MOST_ROWS} more are in this report's CSV, XLSX and JSON."
    return PageTable("Worst first", columns, rows, note=note)


def _row(item: Item, *, shows_company: bool) -> list[Cell]:
    companies = ", ".join(dict.fromkeys(holder.company for holder in item.holders))
    impacts = (_impact_text("cost", item.cost), _impact_text("schedule", item.schedule, " days"))
    return [
        Cell(item.number, item.link),
        Cell(item.title, under=item.project.name),
        Cell(", ".join(holder.name for holder in item.holders) or NOBODY, under=companies if shows_company else ""),
        Cell(short_day(item.due_on) if item.due_on else "no date"),
        Cell(f"{item.overdue_days} d", tone="bad") if item.is_overdue else Cell("–"),
        Cell(f"{item.age_days} d", under=f"{item.age_working_days} working"),
        Cell(", ".join(text for text in impacts if text)),
    ]


def _impact_text(what: str, impact: Impact, unit: str = "") -> str:
    """Return an impact in words; an amount has no currency, since Procore sends none with it."""
    if impact.status == "yes_known" and impact.value is not None:
        return f"{what} {amount(impact.value)}{unit}"
    if impact.is_certain:
        return what
    return f"{what} open" if impact.status == "tbd" else ""


def _values(item: Item) -> Sequence[Value]:
    """Return an item in `COLUMNS`."""
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
        item.cost.status or None,
        item.cost.value,
        item.schedule.status or None,
        item.schedule.value,
        item.link,
    )


def _project_cells(data: ReportData, ageing: Ageing) -> dict[int, list[Cell]]:
    cells = {project.project_id: [Cell("0"), Cell("0"), Cell("–")] for project in data.projects}
    by_project = sorted(ageing.items, key=lambda item: item.project.project_id)
    for project_id, group in groupby(by_project, key=lambda item: item.project.project_id):
        items = list(group)
        late = sum(item.is_overdue for item in items)
        oldest = max(item.age_days for item in items)
        tone: Tone = "bad" if late else "plain"
        cells[project_id] = [Cell(str(len(items))), Cell(str(late), tone=tone), Cell(f"{oldest} d")]
    return cells


def _rules(data: ReportData, ageing: Ageing, noun: str) -> Iterator[str]:
    first, last = ageing.week
    yield f"Open is what Procore's status type calls open, whatever the company calls it. Each {noun} counts once."
    yield "A project's days are those of its own time zone."
    yield f"The week is the seven full days before today in the project, here {short_day(first)} to {short_day(last)}."
    yield "Overdue means due before today and still open. Age is the days since it was submitted."
    yield f"Working days are {WORKING_DAYS}."
    if not data.last:
        yield (
            "There is no earlier issue, so arrows compare with a week ago as today's records show it: "
            "a due date that has moved since counts as it is now."
        )
    if ageing.drafts:
        yield f"{things(ageing.drafts, 'draft')} {'was' if ageing.drafts == 1 else 'were'} never submitted: left out."
    if undated := sum(item.due_on is None for item in ageing.items):
        yield f"{undated} open without a due date: never overdue."
    if ageing.of_other_state:
        yield f"{ageing.of_other_state} neither open, closed nor draft: left out."
    yield "“Cost open” and “schedule open” are still to be determined."
    yield "Amounts are as people entered them, in the project's currency, and never added up."


def _are(count: int) -> str:
    return "is" if count == 1 else "are"
