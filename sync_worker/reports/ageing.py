"""How long things wait, since when and with whom: numbers alone, from rows and a given instant."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple

from sync_worker.reports.coverage import ReportedProject
from sync_worker.reports.days import day_from, day_of, instant_from, week_before, working_days
from sync_worker.reports.query import Employers, ReportRow, name_in, parsed

NOBODY = "Nobody named"
UNKNOWN_COMPANY = "Company not known"


class Band(StrEnum):
    """How old something is, in calendar days."""

    WEEK = "0–7"
    FORTNIGHT = "8–14"
    MONTH = "15–30"
    OLDER = "31+"


_LAST_DAYS = ((7, Band.WEEK), (14, Band.FORTNIGHT), (30, Band.MONTH))


def band_of(age_days: int) -> Band:
    """The band of an age."""
    return next((band for last, band in _LAST_DAYS if age_days <= last), Band.OLDER)


class Holder(NamedTuple):
    """Whose turn it is."""

    name: str
    company: str


class Impact(NamedTuple):
    """What something may cost in money or days; `value` as Procore sent it."""

    status: str
    value: Decimal | None = None

    @property
    def is_certain(self) -> bool:
        """Whether there is one, known or not yet known how large."""
        return self.status in ("yes_known", "yes_unknown")


@dataclass(frozen=True, slots=True)
class Item:
    """Something that waits; days are those of its project's time zone."""

    id: str
    project: ReportedProject
    number: str
    title: str
    link: str | None
    opened_on: date
    due_on: date | None
    age_days: int
    age_working_days: int
    overdue_days: int
    holders: tuple[Holder, ...]
    contractor: str | None
    cost: Impact
    schedule: Impact

    @property
    def band(self) -> Band:
        """How old it is."""
        return band_of(self.age_days)

    @property
    def is_overdue(self) -> bool:
        """Whether it was due before today."""
        return self.overdue_days > 0

    @property
    def has_impact(self) -> bool:
        """Whether it is said to cost money or days."""
        return self.cost.is_certain or self.schedule.is_certain


class Share(NamedTuple):
    """How many of something there are, and how many of these are overdue."""

    name: str
    total: int
    overdue: int


class Before(NamedTuple):
    """How it was seven days ago, as far as today's records tell: due dates may have been others, some were reopened."""

    open: int
    overdue: int
    older: int
    with_impact: int


class Ageing(NamedTuple):
    """What waits, worst first, what came and went in the week before, and how it was then."""

    items: Sequence[Item]
    before: Before
    opened: int
    closed: int
    drafts: int
    undated: int
    of_other_state: int
    week: tuple[date, date]

    @property
    def overdue(self) -> Sequence[Item]:
        """What was due before today."""
        return [item for item in self.items if item.is_overdue]

    @property
    def with_impact(self) -> Sequence[Item]:
        """What is said to cost money or days."""
        return [item for item in self.items if item.has_impact]

    @property
    def older(self) -> Sequence[Item]:
        """What waits longest."""
        return [item for item in self.items if item.band is Band.OLDER]

    @property
    def median_age_days(self) -> int:
        """The age that half of them have not reached; of two in the middle, the older."""
        ages = sorted(item.age_days for item in self.items)
        return ages[len(ages) // 2] if ages else 0

    def by_band(self) -> list[Share]:
        """All bands, empty ones too, youngest first."""
        found = {share.name: share for share in _shares(self.items, lambda item: (item.band,))}
        return [found.get(band, Share(band, 0, 0)) for band in Band]

    def by_holder(self) -> list[Share]:
        """By person whose turn it is; something that several hold counts for each."""
        return _shares(self.items, lambda item: [holder.name for holder in item.holders] or [NOBODY])

    def by_company(self) -> list[Share]:
        """By company of those whose turn it is; something that several hold counts once for each company."""
        return _shares(self.items, lambda item: [holder.company for holder in item.holders] or [NOBODY])

    def by_project(self) -> list[Share]:
        """By project, those alone where something waits."""
        return _shares(self.items, lambda item: [item.project.name])


def _shares(items: Iterable[Item], names: Callable[[Item], Iterable[str]]) -> list[Share]:
    """Most overdue first, then most of all."""
    totals: Counter[str] = Counter()
    overdue: Counter[str] = Counter()
    for item in items:
        for name in set(names(item)):
            totals[name] += 1
            overdue[name] += item.is_overdue
    found = [Share(name, total, overdue[name]) for name, total in totals.items()]
    return sorted(found, key=lambda share: (-share.overdue, -share.total, share.name))


def measure(
    rows: Iterable[ReportRow], projects: Sequence[ReportedProject], employers: Employers, now: datetime
) -> Ageing:
    """What waits in these projects at that instant."""
    by_id = {project.project_id: project for project in projects}
    items: list[Item] = []
    tally: Counter[str] = Counter()
    for row in rows:
        project = by_id.get(row.project_id)
        if project is None:
            continue
        tally.update(_movements(row, project, now))
        if row.state == "open" and (opened_at := instant_from(row.opened_at)):
            items.append(_item(row, project, opened_at, employers, now))
    items.sort(key=lambda item: (-item.overdue_days, -item.age_days, item.project.number, item.number, item.id))
    return Ageing(
        items,
        Before(tally["open before"], tally["overdue before"], tally["older before"], tally["impact before"]),
        opened=tally["opened"],
        closed=tally["closed"],
        drafts=tally["draft"],
        undated=sum(item.due_on is None for item in items),
        of_other_state=tally["other"],
        week=_week(projects, now),
    )


def _movements(row: ReportRow, project: ReportedProject, now: datetime) -> Iterable[str]:
    """What the row counts for beside waiting."""
    if row.state == "draft" or (row.state == "open" and row.opened_at is None):
        yield "draft"
    elif row.state not in ("open", "closed"):
        yield "other"
    elif opened_at := instant_from(row.opened_at):
        first, last = week_before(day_of(now, project.clock))
        opened_on, closed_on = day_of(opened_at, project.clock), _closed_on(row, project)
        if first <= opened_on <= last:
            yield "opened"
        if closed_on is not None and first <= closed_on <= last:
            yield "closed"
        if opened_on < first and (row.state == "open" or (closed_on is not None and closed_on >= first)):
            yield from _before(row, opened_on, first)


def _closed_on(row: ReportRow, project: ReportedProject) -> date | None:
    closed_at = instant_from(row.closed_at) if row.state == "closed" else None
    return day_of(closed_at, project.clock) if closed_at else None


def _before(row: ReportRow, opened_on: date, first: date) -> Iterable[str]:
    """What something that was open when the first of the seven days began counts for."""
    yield "open before"
    due_on = day_from(row.due_on)
    if due_on is not None and due_on < first:
        yield "overdue before"
    if band_of((first - opened_on).days) is Band.OLDER:
        yield "older before"
    if _impact(parsed(row.cost_impact)).is_certain or _impact(parsed(row.schedule_impact)).is_certain:
        yield "impact before"


def _week(projects: Sequence[ReportedProject], now: datetime) -> tuple[date, date]:
    """The week before, from the first day that is one anywhere to the last."""
    weeks = [week_before(day_of(now, project.clock)) for project in projects]
    return min(first for first, _ in weeks), max(last for _, last in weeks)


def _item(row: ReportRow, project: ReportedProject, opened_at: datetime, employers: Employers, now: datetime) -> Item:
    today, opened_on = day_of(now, project.clock), day_of(opened_at, project.clock)
    due_on = day_from(row.due_on)
    return Item(
        id=str(row.id),
        project=project,
        number=row.number or str(row.id),
        title=row.title or "(no subject)",
        link=row.link if row.link and row.link.startswith(("https://", "http://")) else None,
        opened_on=opened_on,
        due_on=due_on,
        age_days=max(0, (today - opened_on).days),
        age_working_days=working_days(opened_on, today),
        overdue_days=max(0, (today - due_on).days) if due_on else 0,
        holders=_holders(row, project, employers),
        contractor=name_in(parsed(row.contractor)),
        cost=_impact(parsed(row.cost_impact)),
        schedule=_impact(parsed(row.schedule_impact)),
    )


def _holders(row: ReportRow, project: ReportedProject, employers: Employers) -> tuple[Holder, ...]:
    several, one = parsed(row.holders), parsed(row.holder)
    people = several if isinstance(several, list) and several else [one]
    found: dict[Any, Holder] = {}
    for person in people:
        if name := name_in(person):
            key = person.get("id")
            number = int(key) if isinstance(key, Decimal) and abs(key) < 2**63 else 0
            company = employers.of(number, project.project_id) or UNKNOWN_COMPANY
            found[str(key) if key is not None else name] = Holder(name, company)
    return tuple(found.values())


def _impact(record: Any) -> Impact:
    if not isinstance(record, dict):
        return Impact("")
    value = record.get("value")
    return Impact(str(record.get("status") or ""), _decimal(value))


def _decimal(value: Any) -> Decimal | None:
    """A number as sent, be it a number or a text."""
    try:
        found = Decimal(value) if isinstance(value, Decimal | str) else None
    except ArithmeticError:
        return None
    return found if found is not None and found.is_finite() else None
