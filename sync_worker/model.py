"""The nouns that travel the data path: Scope, Window, Page, Verdict, Ground, Outcome, Counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import IntEnum, StrEnum
from typing import NamedTuple

import msgspec

Key = tuple[int | str, ...]
"""The values of a record's primary key, in the order of its spec."""


class Scope(NamedTuple):
    """What a request is bound to: nothing (account), a company, or a project of a company."""

    company_id: int | None = None
    project_id: int | None = None


class Window(NamedTuple):
    """Half-open time range `[start, end)` asked of the API; `start=None` means everything up to now.

    `end` is frozen when the run starts, by the server's clock.
    """

    start: datetime | None
    end: datetime


class DateRange(NamedTuple):
    """Days asked of a daily log, both ends inclusive as Procore takes them."""

    start_on: date
    end_on: date


class Records(NamedTuple):
    """The undecoded records of one body, and how many units the list counts them as.

    `replaced` counts the characters in it that no database holds. `has_more` and `total` are what the body itself says
    about the pages that follow and about the whole list, None where it does not.
    """

    records: Sequence[msgspec.Raw]
    units: int
    replaced: int = 0
    has_more: bool | None = None
    total: int | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """One HTTP response worth of records with its request facts.

    `records` are the undecoded records (they keep the body alive); `units` is what the list pages by, which is the
    number of records but for grouped lists. `total` is the server's `Total`, `per_page` its `Per-Page`, `server_time`
    its `Date`, where it tells them. On the last page `doubt` is why the end of the list is not proven, None if it is,
    and `ignores_paging` is true when the server answers every page number with the same records. A `is_blank` page is
    none of the list's own: it only ends it, because what was asked for after the last page was refused or a repeat.
    """

    number: int
    records: Sequence[msgspec.Raw]
    units: int
    total: int | None
    is_last: bool
    server_time: datetime | None
    url: str
    per_page: int | None = None
    doubt: str | None = None
    ignores_paging: bool = False
    is_blank: bool = False
    is_large: bool = False
    """One such page is held at a time, so the next is read only when its records are stored."""


class Verdict(StrEnum):
    """What a sweep of one (stream, scope) proved."""

    COMPLETE = "complete"
    INEXACT = "inexact"
    NOT_PERMITTED = "not_permitted"
    FAILED = "failed"


CLOCKS_APART = "the server's clock says "
"""How the reason begins why a list proves nothing because the server's clock and our own are days apart."""


class DeleteEvidence(StrEnum):
    """Why rows are taken for deleted."""

    LISTING = "listing"
    """A complete listing of all that there is does not hold them."""
    SIGNAL = "signal"
    """The tool's own list of deleted records does."""


class RunRequest(NamedTuple):
    """What a run is to do, as it waits in the ledger and as it is executed.

    `streams` are names, globs and tags; None stands for those of the job. `since` makes it a backfill. Without
    `wait_for_rate_limit` the run ends where it would have to wait. A run that waits in the ledger has a `run_id`, one
    that a schedule asked for the time that it was `scheduled_at`.
    """

    job: str
    streams: Sequence[str] | None = None
    projects: Sequence[int] = ()
    full_refresh: bool = False
    since: date | None = None
    until: date | None = None
    wait_for_rate_limit: bool = True
    trigger: str = "manual"
    run_id: str = ""
    scheduled_at: datetime | None = None

    @property
    def is_backfill(self) -> bool:
        """True if it reads an explicit past period."""
        return self.since is not None

    @property
    def is_manual(self) -> bool:
        """True if a person asked for it: it reads what is not due too, and does not trust remembered refusals."""
        return self.trigger in ("manual", "backfill")


class Outcome(StrEnum):
    """How a run ended."""

    SUCCEEDED = "succeeded"
    PARTIAL = "partial"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    SKIPPED = "skipped"


@dataclass(slots=True)
class Counts:
    """Rows of a sweep, a partition or a run by what became of them."""

    seen: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    deleted: int = 0
    quarantined: int = 0

    def add(self, other: Counts) -> None:
        """Add `other` to this."""
        self.seen += other.seen
        self.inserted += other.inserted
        self.updated += other.updated
        self.unchanged += other.unchanged
        self.deleted += other.deleted
        self.quarantined += other.quarantined


class Priority(IntEnum):
    """Who goes first where the allowance does not do for all."""

    MANUAL = 0
    SCHEDULED = 1
    RECONCILIATION = 2
    """A list read whole although only changes were due, to find what no change tells."""
    BACKFILL = 3


class Observation(StrEnum):
    """What Procore grades an app on, by its calls of the last 14 days."""

    FORBIDDEN = "403s"
    NOT_FOUND = "404s"
    THROTTLED = "429s"
    UNAUTHORIZED = "401s"
    WITHOUT_COMPANY = "without_company_header"
    DEPRECATED = "deprecated"
    UNDOCUMENTED = "undocumented"


ALL_CALLS, SUCCEEDED = "all", "succeeded"
"""What calls are counted as, beside the observations made of them."""


class CallLine(NamedTuple):
    """What calls are counted by: the server's day, the company and the stream they were for, and what they were.

    `kind` is an observation, `ALL_CALLS` or `SUCCEEDED`; `stream` is None for what belongs to none.
    """

    day: date
    company_id: int | None
    stream: str | None
    kind: str


@dataclass(slots=True)
class Calls:
    """How many HTTP requests a piece of work has spent, every attempt counted, refused ones too.

    And how it comes by them: its `priority`, and whether it `waits` when the allowance is spent or rather ends.
    """

    spent: int = 0
    priority: Priority = Priority.MANUAL
    waits: bool = True
