"""Time ranges that sweeps request, fixed before the first call."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

from sync_worker.catalog.spec import CursorSyntax, StreamSpec, SyncMode
from sync_worker.model import DateRange, Window
from sync_worker.state.checkpoints import Checkpoint
from sync_worker.state.instants import CLOCKS_AGREE
from sync_worker.state.last_reads import LastRead, ReadDepth

DEFAULT_LOOKBACK = timedelta(minutes=10)

# Work is logged ahead and years are mistyped; a list costs its pages, so that reading this far costs no extra call.
_DAYS_AHEAD = timedelta(days=400)

CALENDARS = (DateRange(date.min, date.max), DateRange(date(1900, 1, 1), date(2100, 12, 31)))
"""All days that a log can have, the widest range first; a server may refuse absurd dates."""

# Procore was founded in 2002.
_FIRST_MONTH = date(2000, 1, 1)

_WEEK = timedelta(days=7)
FULL_REFRESH_EVERY = timedelta(hours=6)
FULL_NESTED_EVERY = _WEEK
RECONCILE_EVERY = _WEEK
INACTIVE_EVERY = _WEEK
PARENT_PROBED_EVERY = _WEEK
"""How often the nested list of a refused parent is tried again; at once when the parent changes."""
DELETED_EVERY = FULL_REFRESH_EVERY

# Two ticks of a schedule are never exactly its interval apart.
SLACK = timedelta(minutes=10)


class RereadRule(NamedTuple):
    """The days of a daily log that every run reads again, those of once a week, and how often all are read."""

    days: int = 14
    weekly_days: int = 90
    everything_days: int = 30


DEFAULT_REREAD = RereadRule()


class Now(NamedTuple):
    """The start of a run by two clocks, the server's and its own; either may be wrong.

    Proofs end at the earlier, requests at the later, so that neither clock hides the newest records.
    """

    earlier: datetime
    later: datetime
    passed: timedelta = timedelta(0)
    """The time since then: a run that began later may have moved marks meanwhile."""


def is_ahead(instant: datetime, clock: datetime) -> bool:
    """Return True if an instant of the past lies ahead of a clock: one of the two is wrong."""
    return instant - clock > CLOCKS_AGREE


def is_due(last: datetime | None, now: Now, every: timedelta) -> bool:
    """Return True if `every` has passed since `last`; one in the future was set by a wrong clock and does not count."""
    return last is None or is_ahead(last, now.later + now.passed) or now.earlier - last > every - SLACK


def trusted(checkpoint: Checkpoint | None, now: Now) -> Checkpoint | None:
    """Return a checkpoint that no wrong clock has moved ahead; None if everything must be read again.

    A mark in the future is replaced by the start of the run that set it.
    """
    if checkpoint is None or not is_ahead(checkpoint.mark, now.earlier + now.passed):
        return checkpoint
    begun_at = checkpoint.begun_at
    if begun_at is None or is_ahead(begun_at, now.later + now.passed):
        return None
    return checkpoint._replace(mark=begun_at)


def cursor_window(checkpoint: Checkpoint | None, now: Now, lookback: timedelta) -> Window:
    """Return the window from the mark less the lookback up to now; everything without a checkpoint."""
    if checkpoint is None:
        return Window(None, now.later)
    return Window(before(min(checkpoint.mark, now.earlier), lookback), now.later)


def before(instant: datetime, period: timedelta) -> datetime:
    """Return the instant a period earlier, at the earliest the first of the calendar."""
    beginning = datetime.min.replace(tzinfo=UTC)
    return instant - period if instant - beginning > period else beginning


def log_dates(first_on: date, now: Now) -> DateRange:
    """Return all days of a daily log from `first_on`."""
    today = now.later.date()
    # Near the last day of the calendar, which a clock can be set to, there is nothing ahead.
    end_on = today + _DAYS_AHEAD if date.max - today > _DAYS_AHEAD else date.max
    return DateRange(first_on, max(first_on, end_on))


def around(first_on: date, calendar: DateRange) -> list[DateRange]:
    """Cut the calendar at the first day that a daily log is read from."""
    if first_on <= calendar.start_on:
        return [DateRange(first_on, calendar.end_on)]
    earlier = DateRange(calendar.start_on, first_on - timedelta(days=1))
    return [earlier, DateRange(first_on, max(first_on, calendar.end_on))]


def due_depth(rule: RereadRule, read: Mapping[ReadDepth, LastRead], first_on: date, now: Now) -> ReadDepth:
    """Return how far back to read a daily log; `read` are the last complete sweeps."""
    whole = read.get(ReadDepth.FULL)
    # A first day that was moved back makes more days due than were ever read.
    if whole is None or whole.start_on is None or whole.start_on > first_on:
        return ReadDepth.FULL
    if is_due(whole.read_at, now, timedelta(days=rule.everything_days)):
        return ReadDepth.FULL
    weekly = read.get(ReadDepth.EXTENDED, whole)
    return ReadDepth.EXTENDED if is_due(weekly.read_at, now, _WEEK) else ReadDepth.INCREMENTAL


def reread_dates(
    rule: RereadRule, depth: ReadDepth, checkpoint: Checkpoint | None, first_on: date, now: Now
) -> DateRange:
    """Return the days of a daily log within `depth`, counted back from its mark, so that a pause leaves no gap."""
    every_day = log_dates(first_on, now)
    if depth is ReadDepth.FULL or checkpoint is None:
        return every_day
    back = timedelta(days=rule.days if depth is ReadDepth.INCREMENTAL else rule.weekly_days)
    start_on = before(min(checkpoint.mark, now.earlier), back).date()
    return every_day._replace(start_on=min(max(start_on, first_on), every_day.end_on))


def nested_depth(read: Mapping[ReadDepth, LastRead], now: Now, every: timedelta) -> ReadDepth:
    """Return FULL to read a nested stream for all parents, INCREMENTAL for only those that changed."""
    whole = read.get(ReadDepth.FULL)
    return ReadDepth.FULL if is_due(whole.read_at if whole else None, now, every) else ReadDepth.INCREMENTAL


def halves(dates: DateRange) -> tuple[DateRange, DateRange]:
    """Return the days in two parts; there must be more than one."""
    middle = dates.start_on + (dates.end_on - dates.start_on) // 2
    return DateRange(dates.start_on, middle), DateRange(middle + timedelta(days=1), dates.end_on)


def window_of(dates: DateRange) -> Window:
    """Return the range as the ledger has it, half-open."""
    is_last = dates.end_on == date.max
    end = datetime.max.replace(tzinfo=UTC) if is_last else _midnight(dates.end_on + timedelta(days=1))
    return Window(_midnight(dates.start_on), end)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, UTC)


class Period(NamedTuple):
    """The days of a backfill, and the key under which its progress is stored."""

    request: str
    days: DateRange


class Part(NamedTuple):
    """A part of a backfill, whose progress is stored under its `name`."""

    name: str
    window: Window
    dates: DateRange | None = None


def backfill_parts(spec: StreamSpec, period: DateRange, bound: datetime) -> list[Part]:
    """Cut a period into months where a stream can be filtered by a range; else return one part.

    A filter without an end returns everything since its beginning, so that months would be read repeatedly.
    """
    if spec.mode is SyncMode.DATE_WINDOW:
        return [Part(_name(days), window_of(days), days) for days in _log_ranges(period)]
    if spec.mode is SyncMode.FULL_REFRESH or spec.parent is not None or spec.cursor is None:
        return [Part("everything", Window(None, bound))]
    # Nothing was changed in Procore before Procore existed.
    period = period._replace(start_on=max(period.start_on, min(_FIRST_MONTH, period.end_on)))
    ranges = months(period) if spec.cursor.syntax is CursorSyntax.RANGE else [period]
    return [Part(_name(days), window_of(days)) for days in ranges]


def _log_ranges(period: DateRange) -> list[DateRange]:
    """Cut a period into months, and one range of the days before Procore existed, where only mistyped dates are."""
    if period.start_on >= _FIRST_MONTH:
        return list(months(period))
    if period.end_on < _FIRST_MONTH:
        return [period]
    earlier = period._replace(end_on=_FIRST_MONTH - timedelta(days=1))
    return [earlier, *months(period._replace(start_on=_FIRST_MONTH))]


def months(period: DateRange) -> Iterator[DateRange]:
    """Cut a period at the beginnings of months."""
    start_on = period.start_on
    while (end_on := start_on.replace(day=monthrange(start_on.year, start_on.month)[1])) < period.end_on:
        yield DateRange(start_on, end_on)
        start_on = end_on + timedelta(days=1)
    if start_on <= period.end_on:
        yield DateRange(start_on, period.end_on)


def _name(days: DateRange) -> str:
    return f"{days.start_on}/{days.end_on}"
