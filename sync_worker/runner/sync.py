"""The path of a record: read this file first.

A `Reading` takes one partition, a (stream, scope), over its window: every page of every list goes to the sweep, which
stores what changed, and the sweep's verdict decides whether the checkpoint moves. A sweep that proved nothing because
the list moved under it is repeated. Whatever happens, the partition ends with a line in the ledger.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import count
from math import ceil
from typing import NamedTuple

from sync_worker.catalog.spec import StreamSpec, SyncMode
from sync_worker.client.listing import listing
from sync_worker.client.procore import Procore
from sync_worker.clock import Clock
from sync_worker.destination.protocol import Destination, Transaction
from sync_worker.errors import (
    AuthError,
    DestinationError,
    NotFoundError,
    SkippableError,
    StopRequested,
    SyncWorkerError,
    TooLargeError,
    UnreachableError,
)
from sync_worker.load.loader import Loader
from sync_worker.load.proof import Evidence, Proof
from sync_worker.load.split import splitter
from sync_worker.load.sweep import Sweep
from sync_worker.logs import Event, bound, get_logger, redactor
from sync_worker.model import Calls, DateRange, Key, Page, Verdict, Window
from sync_worker.planning.partitions import Partition
from sync_worker.planning.selection import COMPANIES, PROJECTS
from sync_worker.planning.windows import (
    DEFAULT_LOOKBACK,
    DEFAULT_REREAD,
    FULL_REFRESH_EVERY,
    NESTED_EVERYTHING_EVERY,
    RereadRule,
    cursor_window,
    due_reach,
    halves,
    nested_reach,
    reread_dates,
    window_of,
)
from sync_worker.runner.progress import Progress, Unheard
from sync_worker.state.checkpoints import Checkpoint, move_checkpoint, read_checkpoint
from sync_worker.state.ledger import ScopeKey
from sync_worker.state.rereads import (
    Reach,
    Reread,
    parents_read,
    read_rereads,
    record_parents_read,
    record_reread,
)

SWEEPS_AT_MOST = 3
INTERRUPTED = "interrupted"

log = get_logger()


@dataclass(frozen=True, slots=True)
class StreamOptions:
    """What the user set for one stream; None leaves it to the catalog."""

    per_page: int | None = None
    lookback: timedelta = DEFAULT_LOOKBACK
    start_on: date | None = None
    excluded: frozenset[str] = frozenset()
    reread: RereadRule = DEFAULT_REREAD
    max_pages: int = 500
    """A daily log of more pages is read in halves."""
    full_refresh_every: timedelta = FULL_REFRESH_EVERY
    nested_everything_every: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Parts:
    """What a run works with, put together by `app`; `account_company_id` goes with calls that have no company."""

    procore: Procore
    loader: Loader
    destination: Destination
    clock: Clock
    stop: threading.Event
    account_company_id: int
    max_concurrency: int
    streams: Mapping[str, StreamSpec]
    options: Callable[[str], StreamOptions]
    progress: Progress = field(default_factory=Unheard)


@dataclass(slots=True)
class RunFrame:
    """What all partitions of a run share.

    `by_hand` runs read what is not due too; one that does not move marks leaves no trace but rows and ledger; `period`
    is what a backfill reads. `started_at` is our own clock's, `server_time` the server's as it was
    first told; `first_on` the first day of each project's daily logs, `failure` what ended the run before everything
    was tried.
    """

    run_id: str
    everything: bool
    started_at: datetime
    by_hand: bool = True
    moves_marks: bool = True
    period: Period | None = None
    server_time: datetime | None = None
    first_on: Mapping[int, date] = field(default_factory=dict)
    failure: SyncWorkerError | None = None

    @property
    def bound(self) -> datetime:
        """Where the run's windows end: the server's time at its start, our own as long as the server told none."""
        return self.server_time or self.started_at


class Period(NamedTuple):
    """The days of a backfill, and the name under which its progress is remembered."""

    request: str
    days: DateRange


class Swept(NamedTuple):
    """What became of a partition; `keys` only for projects, which say what else can be read."""

    verdict: Verdict
    server_time: datetime | None = None
    keys: Collection[Key] = ()


class Asked(NamedTuple):
    """What a sweep asks for: `window` as the ledger tells it, how far back it reaches, the days of a daily log.

    `parents` are those that a nested stream is read for, by id, with the hashes of their rows.
    """

    window: Window
    reach: Reach = Reach.EVERYTHING
    dates: DateRange | None = None
    parents: Mapping[int | str, str] | None = None


class Reading:
    """One partition being read into the destination; `doubt` is why it can prove nothing, where that is so."""

    def __init__(self, parts: Parts, frame: RunFrame, partition: Partition, doubt: str | None = None) -> None:
        self._parts = parts
        self._doubt = doubt
        self._spec, self._scope = partition
        self._options = parts.options(self._spec.name)
        self._split = splitter(self._spec.envelope)
        self._run_id = frame.run_id
        self._moves_marks = frame.moves_marks
        self._asked = self._frozen(frame)
        self._dates: list[DateRange | None] = [self._asked.dates]
        self._calls = Calls()
        self._pages_taken = 0
        key = ScopeKey(frame.run_id, self._spec.name, self._scope)
        self._sweep = Sweep(parts.loader, parts.clock, self._spec, key, self._asked.window, self._options.excluded)

    @property
    def window(self) -> Window:
        """What will be asked for."""
        return self._asked.window

    @property
    def lists(self) -> int:
        """How many lists will be read, as far as is known: one, or one for each parent."""
        return 1 if self._asked.parents is None else len(self._asked.parents)

    def run(self) -> Swept:
        """Read to a verdict.

        Raises `StopRequested`, `AuthError`, `UnreachableError` and `DestinationError`, which concern the whole run; any
        other failure is this partition's alone and becomes its verdict.
        """
        with bound(stream=self._spec.name, **self._scope._asdict()):
            return self._run()

    def _run(self) -> Swept:
        self._sweep.open()
        try:
            return self._sweep_until_proven()
        except DestinationError:
            raise
        except StopRequested:
            self._abandon(None, INTERRUPTED)
            raise
        except SkippableError as refusal:
            return self._abandon(Verdict.NOT_PERMITTED, str(refusal))
        except (AuthError, UnreachableError) as failure:
            self._abandon(Verdict.FAILED, str(failure))
            raise
        except SyncWorkerError as failure:
            return self._abandon(Verdict.FAILED, str(failure))
        except Exception as bug:
            log.exception(Event.SCOPE_CRASHED)
            return self._abandon(Verdict.FAILED, f"internal error: {type(bug).__name__}: {bug}")

    def _sweep_until_proven(self) -> Swept:
        for number in count(1):
            evidence = self._read_lists()
            keys = self._sweep.keys() if self._spec.name == PROJECTS else ()
            last = self._is_last(number)
            proof = self._sweep.settle(evidence, requests=self._calls.spent, last=last, also=self._remember)
            if last or proof.verdict is not Verdict.INEXACT:
                self._tell(proof)
                return Swept(proof.verdict, evidence.server_time, keys)
            log.info(Event.SWEEP_REPEATED, error=proof.reason)
        raise AssertionError("counting never ends")

    def _is_last(self, number: int) -> bool:
        """Whether no other sweep follows the one of that number, whatever it proves."""
        return number == SWEEPS_AT_MOST or self._doubt is not None

    def _read_lists(self) -> Evidence:
        """Read every list of the partition to its end: one, or one for each parent."""
        evidence = Evidence(doubt=self._doubt)
        refusal: SkippableError | None = None
        for parent_id in [None] if self._asked.parents is None else self._asked.parents:
            try:
                evidence = self._read_parts(parent_id, evidence)
            except SkippableError as refused:
                # One parent's list may be private or just gone; the others are read all the same.
                refusal = refused
                is_gone = self._asked.parents is not None and isinstance(refused, NotFoundError)
                evidence = evidence.with_gone() if is_gone else evidence.with_refusal()
        if refusal is not None and self._all_refused(evidence):
            raise refusal
        return evidence

    def _all_refused(self, evidence: Evidence) -> bool:
        """Whether nothing could be read for want of permission; it may answer 404 too, but then for all of several."""
        if evidence.refused:
            return evidence.refused + evidence.gone == evidence.lists
        return self._asked.reach is Reach.EVERYTHING and evidence.gone == evidence.lists > 1

    def _read_parts(self, parent_id: int | str | None, evidence: Evidence) -> Evidence:
        """Read a list in one part, or a daily log that is too large for that in as many as it takes."""
        found, position = evidence, 0
        while position < len(self._dates):
            dates, taken = self._dates[position], self._pages_taken
            try:
                found = self._read_list(parent_id, dates, found)
                position += 1
            except TooLargeError:
                if dates is None or dates.start_on == dates.end_on:
                    raise
                self._dates[position : position + 1] = halves(dates)
                if self._pages_taken > taken:
                    # The pages that came would count twice.
                    self._sweep.restart()
                    found, position = evidence, 0
        return found

    def _read_list(self, parent_id: int | str | None, dates: DateRange | None, evidence: Evidence) -> Evidence:
        request = listing(
            self._spec,
            self._scope,
            # A parent that is new to us may have children older than the mark.
            window=self._asked.window if self._asked.parents is None else None,
            dates=dates,
            parent_id=parent_id,
            header_company_id=self._parts.account_company_id,
            per_page=self._options.per_page,
        )
        totals: list[int | None] = []
        units = 0
        for page in self._parts.procore.pages(request, self._split, self._calls):
            if dates is not None and _pages_in(page) > self._options.max_pages:
                raise TooLargeError(f"{self._spec.name}: more than {self._options.max_pages} pages")
            self._sweep.take(page, parent_id)
            self._pages_taken += 1
            self._parts.progress.page_taken(len(page.records))
            totals = [*totals[:1], page.total]
            units += page.units
            evidence = evidence.begun(page.server_time)
        return evidence.with_list(totals[0], totals[-1], units)

    def _frozen(self, frame: RunFrame) -> Asked:
        with self._parts.destination.reader() as view:
            checkpoint = read_checkpoint(view, self._spec.name, self._scope)
            read = read_rereads(view, self._spec.name, self._scope)
            if self._spec.parent is not None:
                return self._frozen_nested(frame, view, read)
        if self._spec.mode is SyncMode.DATE_WINDOW:
            rule = self._options.reread
            first_on = self._options.start_on or frame.first_on[self._scope.project_id or 0]
            reach = Reach.EVERYTHING if frame.everything else due_reach(rule, read, first_on, frame.bound)
            dates = reread_dates(rule, reach, checkpoint, first_on, frame.bound)
            return Asked(window_of(dates), reach, dates)
        # Companies and projects say which scopes there are: a project that is newly permitted to us is an old record.
        everything = frame.everything or self._spec.name in (COMPANIES, PROJECTS)
        lookback = self._options.lookback
        return Asked(cursor_window(self._spec, checkpoint, frame.bound, lookback=lookback, everything=everything))

    def _frozen_nested(self, frame: RunFrame, view: Transaction, read: Mapping[Reach, Reread]) -> Asked:
        parents = self._live_parents(view)
        every = self._everything_every(frame)
        reach = Reach.EVERYTHING if frame.everything else nested_reach(read, frame.bound, every)
        if reach is Reach.EVERYTHING:
            return Asked(Window(None, frame.bound), reach, parents=parents)
        done = parents_read(view, self._spec.name, self._scope)
        moved = {parent: row_hash for parent, row_hash in parents.items() if done.get(str(parent)) != row_hash}
        # A window with a beginning: whoever looks for proof of all children must not take this for it.
        return Asked(Window(min(read[Reach.RECENT].read_at, frame.bound), frame.bound), reach, parents=moved)

    def _live_parents(self, view: Transaction) -> dict[int | str, str]:
        """The parents of this scope with the hashes of their rows."""
        above = self._above()
        scope = {name: value for name, value in self._scope._asdict().items() if value is not None}
        columns = [self._spec.parent.key if self._spec.parent else "", "_row_hash"]
        return {key: str(row_hash) for key, row_hash in view.live_values(above, columns, scope) if key is not None}

    def _everything_every(self, frame: RunFrame) -> timedelta:
        if self._options.nested_everything_every is not None:
            return self._options.nested_everything_every
        if self._above().mode is SyncMode.INCREMENTAL:
            return NESTED_EVERYTHING_EVERY
        # Nothing says that such a parent moves when its children do.
        return timedelta(0) if frame.by_hand else self._options.full_refresh_every

    def _above(self) -> StreamSpec:
        """The parent stream."""
        return self._parts.streams[self._spec.parent.stream if self._spec.parent else ""]

    def _remember(self, transaction: Transaction, mark: datetime) -> None:
        """Move the mark; keep how far back the sweep has read, and for which parents."""
        if not self._moves_marks:
            return
        asked, stream = self._asked, self._spec.name
        move_checkpoint(transaction, stream, self._scope, Checkpoint(mark, self._parts.clock.now(), self._run_id))
        if asked.dates is None and asked.parents is None:
            return
        reread = Reread(mark, asked.dates.start_on if asked.dates else None)
        record_reread(transaction, stream, self._scope, asked.reach, reread, self._run_id)
        if asked.parents is not None:
            hashes = {str(parent): row_hash for parent, row_hash in asked.parents.items()}
            record_parents_read(transaction, stream, self._scope, hashes)

    def _abandon(self, verdict: Verdict | None, reason: str) -> Swept:
        reason = redactor.text(reason)
        self._sweep.abandon(verdict, requests=self._calls.spent, error=reason)
        if verdict is not None:
            self._tell(Proof(verdict, reason))
        return Swept(verdict or Verdict.FAILED)

    def _tell(self, proof: Proof) -> None:
        log.info(Event.SCOPE_FINISHED, verdict=proof.verdict, error=proof.reason, requests=self._calls.spent)


def _pages_in(page: Page) -> int:
    """How many pages the list has, as far as this one tells."""
    whole = ceil(page.total / page.units) if page.total and page.units and not page.is_last else 0
    return max(page.number, whole)
