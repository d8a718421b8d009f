"""Tells a measured report: which sentence leads, what the tiles say, which table follows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import NamedTuple

from sync_worker.model import Verdict
from sync_worker.reports.ageing import NOBODY, UNKNOWN_COMPANY, Ageing, Impact, Item, Share
from sync_worker.reports.blocks import Bar, Bars, Cell, Column, ReportPage, Table, Tile, Tone
from sync_worker.reports.coverage import Coverage, ExcludedProject, IncludedProject
from sync_worker.reports.days import WORKING_DAYS, day_of
from sync_worker.reports.previous import Figures

_LONGEST_CHART = 8
_ROWS_AT_ONCE = 25
_ROWS_IN_ALL = 500
_LONGEST_AMOUNT = 20
_STALE_AFTER = timedelta(hours=36)

_TONE_OF_VERDICT: dict[Verdict, Tone] = {Verdict.COMPLETE: "good", Verdict.INEXACT: "warn", Verdict.FAILED: "bad"}
_MEANING = {
    Verdict.INEXACT: "the list moved while it was read: it may lack or repeat something",
    Verdict.FAILED: "the last reading failed: this is what the one before it proved",
}


class Issue(NamedTuple):
    """One report, measured at one instant; every format is made from it."""

    name: str
    title: str
    noun: str
    companies: Sequence[str]
    standing: Coverage
    ageing: Ageing
    is_selection: bool
    rendered_at: datetime
    last: Figures | None = None

    @property
    def as_of(self) -> datetime:
        """How old the oldest of its data is."""
        return self.standing.as_of


def page(issue: Issue) -> ReportPage:
    """The report as people look at it."""
    return ReportPage(
        title=issue.title,
        about=_about(issue),
        headline=headline(issue),
        warnings=list(_warnings(issue)),
        tiles=list(_tiles(issue)),
        charts=list(_charts(issue)),
        table=_worst_first(issue),
        projects=_projects(issue),
        left_out=_left_out(issue.standing.left_out),
        rules=list(rules(issue)),
        as_of=issue.as_of,
        rendered_at=issue.rendered_at,
    )


def headline(issue: Issue) -> str:
    """The sentence that says it all."""
    ageing, noun = issue.ageing, issue.noun
    late = len(ageing.overdue)
    if not ageing.items:
        return f"No {noun} is open."
    if not late:
        return f"{_things(len(ageing.items), noun)} open, none of them overdue."
    where = _where_most_sit(ageing)
    return f"{_things(late, noun)} overdue{f', {where}' if where else ''}."


def _where_most_sit(ageing: Ageing) -> str:
    """With whom most of what is overdue sits; a company says more, unless it holds everything."""
    companies = [share for share in ageing.by_company() if share.name not in (NOBODY, UNKNOWN_COMPANY)]
    people = [share for share in ageing.by_holder() if share.name != NOBODY]
    named = companies if len(companies) > 1 else people
    if not named or not named[0].overdue:
        return ""
    return f"{named[0].overdue} of them with {named[0].name}"


def _about(issue: Issue) -> str:
    told, left_out = len(issue.standing.included), len(issue.standing.left_out)
    number = f"{told} of {told + left_out}" if left_out else f"{told}"
    projects = f"{number} project{'' if told + left_out == 1 else 's'}"
    chosen = f"only the {projects} asked for" if issue.is_selection else projects
    return " · ".join([*issue.companies, chosen])


def _warnings(issue: Issue) -> Iterator[str]:
    """What a reader has to know before the figures."""
    age = issue.rendered_at - issue.as_of
    if age > _STALE_AFTER:
        yield f"The data is {age.days or 1} days old." if age.days > 1 else "The data is more than a day old."
    for verdict, meaning in _MEANING.items():
        names = [each.project.name for each in issue.standing.included if each.verdict is verdict]
        if names:
            yield f"{', '.join(names)}: {meaning}."
    yield from _other_projects(issue)


def _other_projects(issue: Issue) -> Iterator[str]:
    """What the change since the last issue owes to projects that came in or left."""
    if issue.last is None:
        return
    told = frozenset(issue.standing.project_ids)
    came, left = len(told - issue.last.projects), len(issue.last.projects - told)
    words = [f"{number} {word}" for number, word in ((came, "came in"), (left, "left")) if number]
    if words:
        projects = "projects" if came + left > 1 else "project"
        yield f"The change since {_since(issue)} is of other {projects} too: {' and '.join(words)}."


def _tiles(issue: Issue) -> Iterator[Tile]:
    ageing, before = issue.ageing, issue.last or issue.ageing.before
    span = f"since {_since(issue)}" if issue.last else "in a week"
    total, late, old, hurt = len(ageing.items), len(ageing.overdue), len(ageing.older), len(ageing.with_impact)
    of_open = "of what is open"
    tone: Tone = "bad" if late else "good"
    yield Tile("Overdue", str(late), f"{_percent(late, total)} {of_open}", tone, _trend(late, before.overdue, span))
    tone = "warn" if total > before.open else "good"
    half = f"half for {ageing.median_age_days} days or more"
    yield Tile("Open", str(total), half, tone, _trend(total, before.open, span))
    yield Tile(
        "Over 30 days", str(old), f"{_percent(old, total)} {of_open}", _tone(old), _trend(old, before.older, span)
    )
    net = ageing.opened - ageing.closed
    tone = "warn" if net > 0 else "good"
    word = f"▲ {net} more opened" if net > 0 else f"▼ {-net} more closed" if net < 0 else "= as many closed as opened"
    yield Tile("Opened / closed", f"{ageing.opened} / {ageing.closed}", _span(*ageing.week), tone, word)
    cost = sum(item.cost.is_certain for item in ageing.with_impact)
    days = sum(item.schedule.is_certain for item in ageing.with_impact)
    kinds = f"{cost} cost, {days} schedule"
    yield Tile("With impact", str(hurt), kinds, _tone(hurt), _trend(hurt, before.with_impact, span))


def _trend(now: int, before: int, span: str) -> str:
    """How a count moved: an arrow and the words for it."""
    if now == before:
        return f"= no change {span}"
    return f"▲ {now - before} more {span}" if now > before else f"▼ {before - now} fewer {span}"


def _since(issue: Issue) -> str:
    """When the last issue was made: `24 Nov`, or, today, `04:38 UTC`."""
    then, now = (issue.last.made_at if issue.last else issue.rendered_at), issue.rendered_at
    if then.date() == now.date():
        return f"{then:%H:%M} UTC"
    day = short_day(then.date())
    return day.removesuffix(f" {now.year}")


def _span(first: date, last: date) -> str:
    """`17–23 Nov`, or `27 Nov – 3 Dec`."""
    end = f"{last.day} {_MONTHS[last.month - 1]}"
    return f"{first.day}–{end}" if first.month == last.month else f"{first.day} {_MONTHS[first.month - 1]} – {end}"


def _tone(count: int) -> Tone:
    return "warn" if count else "good"


def _charts(issue: Issue) -> Iterator[Bars]:
    ageing = issue.ageing
    several = any(len(item.holders) > 1 for item in ageing.items)
    note = "What several hold counts for each." if several else ""
    yield _longest("Where it is stuck: with which company", ageing.by_company(), note)
    yield _longest("With whom", ageing.by_holder(), note)
    yield _longest("In which project", ageing.by_project(), most=12)
    bands = [share._replace(name=f"{share.name} days") for share in ageing.by_band()]
    yield Bars("How long they wait", _bars(bands), "Calendar days since they were handed in.")


def _longest(title: str, shares: Sequence[Share], note: str = "", most: int = _LONGEST_CHART) -> Bars:
    rest = shares[most:]
    more = f"and {len(rest)} more with {sum(share.total for share in rest)}" if rest else ""
    return Bars(title, _bars(shares[:most]), note, more)


def _bars(shares: Sequence[Share]) -> list[Bar]:
    longest = max((share.total for share in shares), default=0) or 1
    return [
        Bar(share.name, share.total, share.overdue, 100 * share.total / longest, 100 * share.overdue / longest)
        for share in shares
    ]


def _worst_first(issue: Issue) -> Table:
    columns = [
        Column(issue.noun),
        Column("Subject"),
        Column("With"),
        Column("Due"),
        Column("Overdue", is_number=True),
        Column("Open", is_number=True),
        Column("Impact"),
    ]
    tells_company = len(issue.ageing.by_company()) > 1
    items = issue.ageing.items
    rows = [_row(item, tells_company=tells_company) for item in items[:_ROWS_IN_ALL]]
    note = "Days are calendar days; in grey, working days."
    if len(items) > _ROWS_IN_ALL:
        note += f" {len(items) - _ROWS_IN_ALL} more are in this report's CSV, XLSX and JSON."
    return Table("Worst first", columns, rows, _ROWS_AT_ONCE, note)


def _row(item: Item, *, tells_company: bool) -> list[Cell]:
    late: Tone = "bad" if item.is_overdue else "plain"
    holders = ", ".join(holder.name for holder in item.holders) or NOBODY
    companies = ", ".join(dict.fromkeys(holder.company for holder in item.holders))
    return [
        Cell(item.number, item.link),
        Cell(item.title, under=item.project.name),
        Cell(holders, under=companies if tells_company else ""),
        Cell(short_day(item.due_on) if item.due_on else "no date"),
        Cell(_days(item.overdue_days) if item.is_overdue else "–", tone=late),
        Cell(_days(item.age_days), under=f"{item.age_working_days} working"),
        Cell(_impact(item)),
    ]


def _impact(item: Item) -> str:
    told = [_impact_of("cost", item.cost), _impact_of("schedule", item.schedule, " days")]
    return ", ".join(word for word in told if word)


def _impact_of(what: str, impact: Impact, unit: str = "") -> str:
    """In words; an amount has no currency, since Procore sends none with it."""
    match impact.status:
        case "yes_known" if impact.value is not None:
            return f"{what} {amount(impact.value)}{unit}"
        case "yes_known" | "yes_unknown":
            return f"{what}"
        case "tbd":
            return f"{what} open"
    return ""


def amount(value: Decimal) -> str:
    """With separators, digit for digit as sent."""
    return f"{value:,f}" if abs(value.adjusted()) < _LONGEST_AMOUNT else f"{value}"


def _projects(issue: Issue) -> Table:
    columns = [
        Column("Project"),
        Column("Open", is_number=True),
        Column("Overdue", is_number=True),
        Column("Oldest", is_number=True),
        Column("Today there"),
        Column("Data as of"),
        Column("Last reading"),
    ]
    rows = [_project_row(issue, each) for each in issue.standing.included]
    return Table("What the figures rest on", columns, rows, len(rows))


def _project_row(issue: Issue, each: IncludedProject) -> list[Cell]:
    project = each.project
    mine = [item for item in issue.ageing.items if item.project.project_id == project.project_id]
    late = sum(item.is_overdue for item in mine)
    zone = str(project.zone) if project.zone else "UTC, for it names no time zone"
    return [
        Cell(project.name, under=project.number),
        Cell(str(len(mine))),
        Cell(str(late), tone="bad" if late else "plain"),
        Cell(_days(max(item.age_days for item in mine)) if mine else "–"),
        Cell(short_day(day_of(issue.rendered_at, project.clock)), under=zone),
        Cell(instant_text(each.as_of)),
        Cell(each.verdict, tone=_TONE_OF_VERDICT[each.verdict]),
    ]


def _left_out(left_out: Sequence[ExcludedProject]) -> list[tuple[str, list[str]]]:
    """The names of the projects by the reason; what exactly Procore said of each is for the other formats."""
    by_reason = groupby(sorted(left_out, key=lambda each: each.reason), key=lambda each: each.reason)
    return [(str(reason), [each.project.name for each in group]) for reason, group in by_reason]


def rules(issue: Issue) -> Iterator[str]:
    """How it was counted."""
    ageing, noun = issue.ageing, issue.noun
    yield f"Open is what Procore's status type calls open, whatever a company's label says. Each {noun} counts once."
    first, last = ageing.week
    yield "A project's days are those of its own time zone."
    yield f"The week is the seven full days before a project's today, here {short_day(first)} to {short_day(last)}."
    yield "Overdue is what was due before today and is open. Age is the days since it was handed in."
    yield f"Working days are {WORKING_DAYS}."
    if issue.last:
        yield f"Arrows compare with the last issue of these projects, made {instant_text(issue.last.made_at)}."
    else:
        yield (
            "No earlier issue is kept, so arrows compare with a week ago as today's records tell of it: "
            "a due date that was moved since counts as it is now."
        )
    if ageing.drafts:
        yield f"{_count(ageing.drafts, 'draft')} never handed in: left out."
    if ageing.undated:
        yield f"{ageing.undated} open without a due date: never overdue."
    if ageing.of_other_state:
        yield f"{ageing.of_other_state} neither open, closed nor draft: left out."
    yield "“Cost open” and “schedule open” are still to be determined."
    if any(left.detail for left in issue.standing.left_out):
        yield "What Procore said of the projects that are not in it is in this report's CSV, XLSX and JSON."
    yield "Amounts are as people entered them, in the project's currency, and never added up."


def _things(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'} {'is' if count == 1 else 'are'}"


def _count(count: int, noun: str) -> str:
    return f"{count} {noun} was" if count == 1 else f"{count} {noun}s were"


def _days(count: int) -> str:
    return f"{count} d"


def _percent(part: int, whole: int) -> str:
    return f"{round(100 * part / whole)} %" if whole else "0 %"


def short_day(day: date) -> str:
    """`24 Nov 2026`, which reads the same on both sides of the Atlantic."""
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def instant_text(instant: datetime) -> str:
    """`24 Nov 2026, 04:38 UTC`."""
    return f"{short_day(instant.date())}, {instant:%H:%M} UTC"


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
