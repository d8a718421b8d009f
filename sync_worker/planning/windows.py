"""Which time range a sweep asks for, frozen before its first call."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from sync_worker.catalog.spec import StreamSpec, SyncMode
from sync_worker.model import DateRange, Window
from sync_worker.state.checkpoints import Checkpoint

DEFAULT_LOOKBACK = timedelta(minutes=10)

# A log may carry the date of a time zone that is ahead of UTC.
_DAYS_AHEAD = timedelta(days=1)


def cursor_window(
    spec: StreamSpec, checkpoint: Checkpoint | None, bound: datetime, *, lookback: timedelta, everything: bool
) -> Window:
    """From the mark less the lookback up to `bound`, the server's time at the run's start; or everything.

    Nested streams are always listed whole: a parent that is new to us may have children older than the mark.
    """
    if everything or checkpoint is None or spec.mode is not SyncMode.INCREMENTAL or spec.parent is not None:
        return Window(None, bound)
    return Window(min(checkpoint.mark, bound) - lookback, bound)


def log_dates(first_on: date, bound: datetime) -> DateRange:
    """All days of a daily log from `first_on`."""
    return DateRange(first_on, max(first_on, (bound + _DAYS_AHEAD).date()))


def window_of(dates: DateRange) -> Window:
    """The same range as the ledger writes it, half-open."""
    return Window(_midnight(dates.start_on), _midnight(dates.end_on + timedelta(days=1)))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, UTC)
