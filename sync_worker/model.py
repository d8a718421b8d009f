"""The nouns of the data path: scope, window, page, verdict, run request, outcome, counts."""

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
    """The target of a request: the account (neither id), a company, or a project of a company."""

    company_id: int | None = None
    project_id: int | None = None


class Window(NamedTuple):
    """The half-open time range `[start, end)` of a request; without a start, everything up to now.

    `end` is fixed when the run starts.
    """

    start: datetime | None
    end: datetime


class DateRange(NamedTuple):
    """The days of a request for a daily log, both ends inclusive as Procore has them."""

    start_on: date
    end_on: date


class Records(NamedTuple):
    """The undecoded records of one body, and their number in the units by which the list is paged.

    `replaced` counts characters that databases reject. `has_more` and `total` come from the body itself, None where it
    does not have them.
    """

    records: Sequence[msgspec.Raw]
    units: int
    replaced: int = 0
    has_more: bool | None = None
    total: int | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """The records of one HTTP response with the facts of its request."""

    number: int
    records: Sequence[msgspec.Raw]
    """Undecoded; they keep the body alive."""
    units: int
    """The number that the list pages by: of records, or of groups."""
    total: int | None
    """The server's `Total`."""
    is_last: bool
    server_time: datetime | None
    """The server's `Date`."""
    url: str
    per_page: int | None = None
    """The server's `Per-Page`."""
    doubt: str | None = None
    """On the last page, the reason why the end of the list is not proven."""
    ignores_paging: bool = False
    """True if the server answers every page number with the same records."""
    is_blank: bool = False
    """True if it has no records of its own: the request after the last page was refused, or repeated that page."""
    is_large: bool = False
    """True if the next page is read only when the records of this one are stored."""


class Verdict(StrEnum):
    """The result of a sweep of one (stream, scope)."""

    COMPLETE = "complete"
    INEXACT = "inexact"
    NOT_PERMITTED = "not_permitted"
    FAILED = "failed"


CLOCKS_APART = "the server's clock says "
"""The beginning of the reason of a list that proves nothing because the two clocks are days apart."""


class DeleteEvidence(StrEnum):
    """Kinds of evidence that rows were deleted."""

    LISTING = "listing"
    """A complete list does not contain them."""
    SIGNAL = "signal"
    """The tool's own list of deleted records contains them."""


class RunRequest(NamedTuple):
    """The request for a run, as it waits in the ledger and as it is executed."""

    job: str
    streams: Sequence[str] | None = None
    """Names, globs and tags; None stands for those of the job."""
    projects: Sequence[int] = ()
    full_refresh: bool = False
    since: date | None = None
    """The first day of a backfill; None for any other run."""
    until: date | None = None
    wait_for_rate_limit: bool = True
    """If false, the run ends when it would have to wait."""
    trigger: str = "manual"
    run_id: str = ""
    """Empty until the run is in the ledger."""
    scheduled_at: datetime | None = None
    """The tick of the schedule."""

    @property
    def is_backfill(self) -> bool:
        """True if it reads an explicit past period."""
        return self.since is not None

    @property
    def is_manual(self) -> bool:
        """True if a person started it: it also reads what is not due, and does not trust remembered refusals."""
        return self.trigger in ("manual", "backfill")

    @property
    def reads_all(self) -> bool:
        """True if it also reads what is not due: a manual run, or a full refresh."""
        return self.is_manual or self.full_refresh


class Outcome(StrEnum):
    """The outcome of a run."""

    SUCCEEDED = "succeeded"
    PARTIAL = "partial"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    SKIPPED = "skipped"


@dataclass(slots=True)
class Counts:
    """The rows of a sweep, a partition or a run, by result."""

    seen: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    deleted: int = 0
    quarantined: int = 0

    def add(self, other: Counts) -> None:
        """Add the counts of `other`."""
        self.seen += other.seen
        self.inserted += other.inserted
        self.updated += other.updated
        self.unchanged += other.unchanged
        self.deleted += other.deleted
        self.quarantined += other.quarantined


class Priority(IntEnum):
    """The order of runs when the allowance is not enough for all."""

    MANUAL = 0
    SCHEDULED = 1
    RECONCILIATION = 2
    """A list read in full although only changes were due, to find deletes."""
    BACKFILL = 3


class Observation(StrEnum):
    """The kinds of calls that Procore grades an app on, over the last 14 days."""

    FORBIDDEN = "403s"
    NOT_FOUND = "404s"
    THROTTLED = "429s"
    UNAUTHORIZED = "401s"
    WITHOUT_COMPANY = "without_company_header"
    DEPRECATED = "deprecated"
    UNDOCUMENTED = "undocumented"


ALL_CALLS, SUCCEEDED = "all", "succeeded"
"""Kinds of calls that are not observations."""


class CallLine(NamedTuple):
    """The key by which calls are counted: the server's day, company, stream and kind.

    `kind` is an observation, `ALL_CALLS` or `SUCCEEDED`; `stream` is None for calls of no stream.
    """

    day: date
    company_id: int | None
    stream: str | None
    kind: str


@dataclass(slots=True)
class Calls:
    """The HTTP requests that a piece of work has spent, every attempt counted, refused ones too.

    It waits for the allowance by its `priority`; with `waits` off it ends instead.
    """

    spent: int = 0
    priority: Priority = Priority.MANUAL
    waits: bool = True
