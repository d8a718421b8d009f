"""The ageing of open items: how long, since when and with whom, from rows and a given instant."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple

from sync_worker.reports.coverage import ReportedProject
from sync_worker.reports.data import Employers, name_in, parsed
from sync_worker.reports.days import day_from, day_of, instant_from, week_before, working_days
from sync_worker.reports.document import Bar
from sync_worker.reports.text import decimal_from

NOBODY = "Nobody named"
UNKNOWN_COMPANY = "Company not known"
OPEN, OVERDUE, OLD, IMPACT = "open", "overdue", "over_30_days", "with_cost_or_schedule_impact"
"""The keys in JSON of the figures that the next issue is compared with."""


class AgeingRow(NamedTuple):
    """A row of the SQL of an ageing report; objects and lists are JSON."""

    id: int | str
    project_id: int
    number: str | None
    title: str | None
    link: str | None
    state: str | None
    opened_at: str | None
    due_on: str | None
    closed_at: str | None
    holder: str | None
    holders: str | None
    contractor: str | None
    cost_impact: str | None
    schedule_impact: str | None


class Band(StrEnum):
    """An age in calendar days."""

    WEEK = "0–7"
    FORTNIGHT = "8–14"
    MONTH = "15–30"
    OLDER = "31+"


_LAST_DAYS = ((7, Band.WEEK), (14, Band.FORTNIGHT), (30, Band.MONTH))


def band_of(age_days: int) -> Band:
    """Return the band of an age."""
    return next((band for last, band in _LAST_DAYS if age_days <= last), Band.OLDER)


class Holder(NamedTuple):
    """A person whose turn it is."""

    name: str
    company: str


class Impact(NamedTuple):
    """The impact of an item in money or days; `value` as Procore sent it."""

    status: str
    value: Decimal | None = None

    @property
    def is_certain(self) -> bool:
        """True if there is an impact, even of unknown size."""
        return self.status in ("yes_known", "yes_unknown")


@dataclass(frozen=True, slots=True)
class Item:
    """An open or closed item; its days are those of its project's time zone."""

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
        """The band of its age."""
        return band_of(self.age_days)

    @property
    def is_overdue(self) -> bool:
        """True if it was due before today."""
        return self.overdue_days > 0

    @property
    def has_impact(self) -> bool:
        """True if it is expected to cost money or days."""
        return self.cost.is_certain or self.schedule.is_certain


class Ageing(NamedTuple):
    """The open items, worst first, and the numbers opened and closed in the week before.

    `before` has the figures of seven days ago, computed from today's records: a due date may have been different,
    and an item may have been reopened.
    """

    items: Sequence[Item]
    before: Mapping[str, int]
    opened: int
    closed: int
    drafts: int
    of_other_state: int
    week: tuple[date, date]

    @property
    def figures(self) -> dict[str, int]:
        """The figures that the next issue is compared with."""
        return {
            OPEN: len(self.items),
            OVERDUE: sum(item.is_overdue for item in self.items),
            OLD: sum(item.band is Band.OLDER for item in self.items),
            IMPACT: sum(item.has_impact for item in self.items),
        }

    @property
    def median_age_days(self) -> int:
        """The median age in days; of two in the middle, the older."""
        ages = sorted(item.age_days for item in self.items)
        return ages[len(ages) // 2] if ages else 0

    def by_band(self) -> list[Bar]:
        """Return all bands, empty ones too, youngest first."""
        found = {bar.name: bar for bar in _counted(self.items, lambda item: [item.band])}
        return [found.get(band, Bar(band, 0)) for band in Band]

    def by_holder(self) -> list[Bar]:
        """Count by person whose turn it is; an item with several holders counts for each."""
        return _counted(self.items, lambda item: [holder.name for holder in item.holders] or [NOBODY])

    def by_company(self) -> list[Bar]:
        """Count by company of those whose turn it is; an item with several holders counts once for each company."""
        return _counted(self.items, lambda item: [holder.company for holder in item.holders] or [NOBODY])

    def by_project(self) -> list[Bar]:
        """Count by project, without those that have no open items."""
        return _counted(self.items, lambda item: [item.project.name])


def _counted(items: Iterable[Item], names: Callable[[Item], Iterable[str]]) -> list[Bar]:
    """Count items and those overdue by name, most overdue first, then most of all."""
    totals: Counter[str] = Counter()
    overdue: Counter[str] = Counter()
    for item in items:
        # A set: two holders from one company count once for it.
        for name in set(names(item)):
            totals[name] += 1
            overdue[name] += item.is_overdue
    order = sorted(totals, key=lambda name: (-overdue[name], -totals[name], name))
    return [Bar(name, totals[name], overdue[name]) for name in order]


def measure(
    rows: Iterable[AgeingRow], projects: Sequence[ReportedProject], employers: Employers, now: datetime
) -> Ageing:
    """Return the ageing of these projects at that instant."""
    by_id = {project.project_id: project for project in projects}
    items: list[Item] = []
    counts: Counter[str] = Counter()
    before = Counter({OPEN: 0, OVERDUE: 0, OLD: 0, IMPACT: 0})
    for row in rows:
        project = by_id.get(row.project_id)
        if project is None:
            continue
        opened_at = instant_from(row.opened_at)
        is_open = row.state == "open"
        if row.state == "draft" or (is_open and row.opened_at is None):
            counts["drafts"] += 1
        elif not is_open and row.state != "closed":
            counts["of_other_state"] += 1
        elif opened_at:
            item = _item(row, project, opened_at, employers, now)
            closed_at = None if is_open else instant_from(row.closed_at)
            closed_on = day_of(closed_at, project.clock) if closed_at else None
            first, last = week_before(day_of(now, project.clock))
            if is_open:
                items.append(item)
            counts["opened"] += first <= item.opened_on <= last
            counts["closed"] += closed_on is not None and first <= closed_on <= last
            # Open when the week began: opened before it, and not closed before it.
            if item.opened_on < first and (is_open or (closed_on is not None and closed_on >= first)):
                before[OPEN] += 1
                before[OVERDUE] += item.due_on is not None and item.due_on < first
                before[OLD] += band_of((first - item.opened_on).days) is Band.OLDER
                before[IMPACT] += item.has_impact
    items.sort(key=lambda item: (-item.overdue_days, -item.age_days, item.project.number, item.number, item.id))
    weeks = [week_before(day_of(now, project.clock)) for project in projects]
    return Ageing(
        items,
        before,
        opened=counts["opened"],
        closed=counts["closed"],
        drafts=counts["drafts"],
        of_other_state=counts["of_other_state"],
        # The seven days differ between time zones: from the first one anywhere to the last.
        week=(min(first for first, _ in weeks), max(last for _, last in weeks)),
    )


def _item(row: AgeingRow, project: ReportedProject, opened_at: datetime, employers: Employers, now: datetime) -> Item:
    today, opened_on = day_of(now, project.clock), day_of(opened_at, project.clock)
    due_on = day_from(row.due_on)
    return Item(
        id=str(row.id),
        project=project,
        number=row.number or str(row.id),
        title=row.title or "(no subject)",
        # Another scheme, such as javascript:, could run code when a reader clicks on it.
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


def _holders(row: AgeingRow, project: ReportedProject, employers: Employers) -> tuple[Holder, ...]:
    several, one = parsed(row.holders), parsed(row.holder)
    people = several if isinstance(several, list) and several else [one]
    found: dict[Any, Holder] = {}
    for person in people:
        if name := name_in(person):
            key = person.get("id")
            # `int` of a Decimal such as 1e999999 would write out all its digits.
            number = int(key) if isinstance(key, Decimal) and abs(key) < 2**63 else 0
            company = employers.of(number, project.project_id) or UNKNOWN_COMPANY
            found[str(key) if key is not None else name] = Holder(name, company)
    return tuple(found.values())


def _impact(record: Any) -> Impact:
    if not isinstance(record, dict):
        return Impact("")
    return Impact(str(record.get("status") or ""), decimal_from(record.get("value")))
