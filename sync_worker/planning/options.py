"""Options of a stream, and their defaults."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from sync_worker.planning.windows import (
    DEFAULT_LOOKBACK,
    DEFAULT_REREAD,
    DELETED_EVERY,
    FULL_REFRESH_EVERY,
    RECONCILE_EVERY,
    RereadRule,
)


@dataclass(frozen=True, slots=True)
class StreamOptions:
    """The options of one stream; None leaves a value to the catalog."""

    per_page: int | None = None
    lookback: timedelta = DEFAULT_LOOKBACK
    start_on: date | None = None
    excluded: frozenset[str] = frozenset()
    reread: RereadRule = DEFAULT_REREAD
    max_pages: int = 500
    """A daily log with more pages is read in halves."""
    full_refresh_every: timedelta = FULL_REFRESH_EVERY
    nested_everything_every: timedelta | None = None
    reconcile_every: timedelta = RECONCILE_EVERY
    """How often an incremental list is read in full, to find deletes."""
    deleted_every: timedelta = DELETED_EVERY
    """How often the tool's own list of deleted records is requested."""
    follows_deletes: bool = True
