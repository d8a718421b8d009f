"""The path of a record: read this file first.

A `Reading` takes one partition, a (stream, scope), over its window: every page of every list goes to the sweep, which
stores what changed, and the sweep's verdict decides whether the checkpoint moves. A sweep that proved nothing because
the list moved under it is repeated. Whatever happens, the partition ends with a line in the ledger.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from itertools import count
from math import ceil
from typing import NamedTuple

from sync_worker.catalog.spec import SyncMode, names_deleted
from sync_worker.client.listing import deleted_listing, listing
from sync_worker.destination.protocol import Transaction
from sync_worker.errors import (
    AuthError,
    DestinationError,
    NotFoundError,
    RequestError,
    RetryableError,
    SkippableError,
    StopRequested,
    SyncWorkerError,
    TableError,
    TooLargeError,
    UnreachableError,
)
from sync_worker.load.deletes import Covered
from sync_worker.load.proof import Evidence, Proof, miscounted
from sync_worker.load.split import splitter
from sync_worker.load.sweep import Sweep
from sync_worker.logs import Event, bound, get_logger, redactor
from sync_worker.model import Calls, DateRange, Ground, Key, Page, Priority, Verdict, Window
from sync_worker.planning.asked import Asked, ask
from sync_worker.planning.pages import SMALLEST, page_size
from sync_worker.planning.partitions import Partition
from sync_worker.planning.probes import PARENT_PROBED_EVERY, kind_of
from sync_worker.planning.selection import PROJECTS
from sync_worker.planning.windows import CALENDARS, around, halves, is_ahead, window_of
from sync_worker.runner.frame import Parts, RunFrame
from sync_worker.state.avoided import Because
from sync_worker.state.checkpoints import Checkpoint, move_checkpoint
from sync_worker.state.deletes import Signal, record_signal
from sync_worker.state.journal import forget_healed
from sync_worker.state.ledger import ScopeKey
from sync_worker.state.page_sizes import record_page_size
from sync_worker.state.permissions import (
    Kind,
    ParentRefusal,
    forget_parents_refused,
    record_parents_refused,
)
from sync_worker.state.rereads import Reach, Reread, forget_parents_read, record_parents_read, record_reread

SWEEPS_AT_MOST = 3
INTERRUPTED = "interrupted"

log = get_logger()


class Swept(NamedTuple):
    """What became of a partition; `keys` only for projects, which say what else can be read.

    `refusal` is why none of it may be read, where that is so.
    """

    verdict: Verdict
    server_time: datetime | None = None
    keys: Collection[Key] = ()
    refusal: SkippableError | None = None


class Reading:
    """One partition being read into the destination; `doubt` is why it can prove nothing, where that is so."""

    def __init__(self, parts: Parts, frame: RunFrame, partition: Partition, doubt: str | None = None) -> None:
        self._parts = parts
        self._clocks = frame.clocks
        self._doubt = frame.clocks.doubt or doubt
        self._partition = partition
        self._spec, self._scope = partition
        self._options = parts.options(self._spec.name)
        self._split = splitter(self._spec.envelope)
        self._run_id = frame.run_id
        self._moves_marks = frame.moves_marks
        self._bound_told = frame.clocks.server_time
        self._now = frame.now.earlier
        self._begun_at = self._later = frame.clocks.started_at
        self._page_sizes = frame.page_sizes
        self._smaller: int | None = None
        self._asked = self._ask(frame)
        self._dates: list[DateRange | None] = [self._asked.dates]
        self._covered_days = self._asked.dates
        self._calls = Calls(priority=self._priority(frame), waits=frame.waits)
        self._pages_taken = 0
        self._parents_done: list[int | str] = []
        self._parents_refused: dict[int | str, Kind] = {}
        self._signal: Signal | None = None
        key = ScopeKey(frame.run_id, self._spec.name, self._scope)
        # What a backfill reads may never have been read before.
        complete_at = self._asked.mark if self._moves_marks else None
        window, excluded = self._asked.window, self._options.excluded
        follows = self._options.follows_deletes
        self._sweep = Sweep(
            parts.loader, parts.clock, self._spec, key, window, excluded, complete_at, follows_deletes=follows
        )

    @property
    def avoided(self) -> Mapping[Because, int]:
        """How many lists of parents will not be read, and why."""
        return {Because.UNCHANGED_PARENT: self._asked.spared, Because.NOT_PERMITTED: len(self._asked.denied)}

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
        except TableError as refusal:
            return self._abandon(Verdict.FAILED, str(refusal))
        except DestinationError:
            raise
        except StopRequested:
            self._abandon(None, INTERRUPTED)
            raise
        except SkippableError as refusal:
            return self._abandon(Verdict.NOT_PERMITTED, str(refusal))._replace(refusal=refusal)
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
            if self._misses_days(evidence):
                evidence = self._read_every_day(evidence)
            if number == 1:
                self._read_deleted()
                if self._needs_whole_list():
                    evidence = self._read_whole_list()
            keys = self._sweep.keys() if self._spec.name == PROJECTS else ()
            last, covered = self._is_last(number), self._covered()
            if not last and self._sweep.needs_confirmation(evidence, covered):
                log.info(Event.SWEEP_REPEATED, error="a record may have slipped between the pages")
                self._sweep.again()
                continue
            proof = self._sweep.settle(evidence, covered, requests=self._calls.spent, last=last, also=self._remember)
            if last or proof.verdict is not Verdict.INEXACT:
                if proof.verdict is Verdict.NOT_PERMITTED:
                    self._parts.loader.do(self._remember_some)
                self._tell(proof)
                return Swept(proof.verdict, evidence.server_time, keys)
            log.info(Event.SWEEP_REPEATED, error=proof.reason)
        raise AssertionError("counting never ends")

    def _is_last(self, number: int) -> bool:
        """Whether no other sweep follows the one of that number, whatever it proves."""
        return number == SWEEPS_AT_MOST or self._doubt is not None or self._sweep.is_hopeless()

    def _read_lists(self) -> Evidence:
        """Read every list of the partition to its end: one, or one for each parent."""
        self._begun_at = self._parts.clock.now()
        found: Evidence | None = None
        while found is None:
            found = self._read_each_list()
        evidence = found.begun(self._bound_told)
        self._later = max(self._begun_at, evidence.server_time or self._begun_at)
        return evidence._replace(doubt=self._doubt or evidence.doubt)

    def _read_each_list(self) -> Evidence | None:
        """Return the evidence of all lists; None where those read before have to be counted again."""
        evidence = Evidence().beside(self._asked.spared)
        for kind in self._asked.denied:
            evidence = evidence.with_gone() if kind is Kind.NOT_FOUND else evidence.with_refusal()
        refusal: SkippableError | None = None
        self._parents_done, self._parents_refused = [], {}
        for parent_id in [None] if self._asked.parents is None else self._asked.parents:
            try:
                found = self._read_parts(parent_id, evidence)
                if found is None:
                    return None
                evidence = found
                self._parents_done += [] if parent_id is None else [parent_id]
            except SkippableError as refused:
                # One parent's list may be private or just gone; the others are read all the same.
                refusal = refused
                is_gone = isinstance(refused, NotFoundError)
                evidence = evidence.with_gone() if is_gone and parent_id is not None else evidence.with_refusal()
                if parent_id is not None:
                    self._parents_refused[parent_id] = kind_of(refused)
        self._remember_refused(refusal)
        if self._all_refused(evidence):
            raise refusal or SkippableError(f"all {evidence.lists} lists of its parents were refused before")
        return evidence

    def _remember_refused(self, refusal: SkippableError | None) -> None:
        """Keep for which parents the list may not be read, and for which it may."""
        parents = self._asked.parents
        if parents is None or not (self._moves_marks and (self._parents_refused or self._parents_done)):
            return
        stream, now = self._spec.name, self._now
        refused = {
            str(parent): ParentRefusal(parents[parent], kind, now + PARENT_PROBED_EVERY)
            for parent, kind in self._parents_refused.items()
        }
        reason, done = redactor.text(str(refusal)), list(map(str, self._parents_done))

        def write(transaction: Transaction) -> None:
            record_parents_refused(transaction, stream, self._scope, refused, reason, now)
            forget_parents_refused(transaction, stream, self._scope, done)

        self._parts.loader.do(write)

    def _remember_some(self, transaction: Transaction) -> None:
        """Keep for which parents the list was read where those of others may not be; the mark stays."""
        asked, stream = self._asked, self._spec.name
        if asked.parents is None or not self._moves_marks:
            return
        record_reread(transaction, stream, self._scope, asked.reach, Reread(self._now), self._run_id)
        hashes = {str(parent): asked.parents[parent] for parent in self._parents_done}
        record_parents_read(transaction, stream, self._scope, hashes)

    def _all_refused(self, evidence: Evidence) -> bool:
        """Whether nothing could be read for want of permission; it may answer 404 too, but then for all of several."""
        if evidence.refused:
            return evidence.refused + evidence.gone == evidence.lists
        return self._asked.reach is Reach.EVERYTHING and evidence.gone == evidence.lists > 1

    def _read_parts(self, parent_id: int | str | None, evidence: Evidence) -> Evidence | None:
        """Read a list in one part, or a daily log that is too large for that in as many as it takes.

        Returns None where the lists of other parents, read before, have to be read again with it.
        """
        found, position = evidence, 0
        while position < len(self._dates):
            dates, taken = self._dates[position], self._pages_taken
            try:
                found = self._read_list(parent_id, dates, found)
                position += 1
            except TooLargeError as error:
                if dates is not None and dates.start_on < dates.end_on:
                    self._dates[position : position + 1] = halves(dates)
                elif not self._ask_smaller(error):
                    raise
                if self._pages_taken > taken:
                    # The pages that came would count twice.
                    self._sweep.restart()
                    if self._parents_done:
                        # What was counted of their lists is forgotten with it.
                        return None
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
            per_page=self._per_page(),
        )
        totals: list[int | None] = []
        units = records = 0
        doubt: str | None = None
        for page in self._parts.procore.pages(request, self._split, self._calls):
            self._clocks.compare(page.server_time, self._parts.clock.now())
            self._doubt = self._clocks.doubt or self._doubt
            doubt = page.doubt or doubt
            if page.is_blank:
                if request.per_page is not None and page.ignores_paging:
                    # As many new records in front make two different pages look like one.
                    totals.append(None)
                break
            if dates is not None and _pages_in(page) > self._options.max_pages:
                raise TooLargeError(f"{self._spec.name}: more than {self._options.max_pages} pages", is_counted=True)
            self._sweep.take(page, parent_id, only_known=self._is_before_first_day(dates))
            self._pages_taken += 1
            self._parts.progress.page_taken(len(page.records))
            if self._smaller is not None:
                # Only a page that came shows that its size helps; a list that always fails keeps the larger one.
                self._learn_size(self._smaller)
            totals.append(page.total)
            units, records = units + page.units, records + len(page.records)
            evidence = evidence.begun(page.server_time)
            if _is_clamped(page, request.per_page):
                self._learn_size(page.units)
        return evidence.with_list(totals, units, doubt, records=records)

    def _per_page(self) -> int | None:
        return self._smaller or page_size(self._spec, self._options, self._page_sizes)

    def _ask_smaller(self, error: TooLargeError) -> bool:
        """Ask for a quarter of a page in this partition; return False where that cannot help."""
        size = self._per_page()
        if error.is_counted or size is None or size <= SMALLEST:
            return False
        self._smaller = max(SMALLEST, size // 4)
        return True

    def _learn_size(self, per_page: int) -> None:
        if self._page_sizes.get(self._spec.name) == per_page:
            return
        self._page_sizes[self._spec.name] = per_page
        now = self._parts.clock.now()
        self._parts.loader.do(lambda transaction: record_page_size(transaction, self._spec.name, per_page, now))

    def _misses_days(self, evidence: Evidence) -> bool:
        """Whether a row is missing from the days that were read: it may be deleted, or be of another day now."""
        is_asked = self._covered_days not in CALENDARS and self._doubt is None and evidence.steady
        covered = self._covered() if self._asked.every_day is not None and is_asked else None
        return covered is not None and self._sweep.missing(covered) > 0

    def _read_every_day(self, found: Evidence) -> Evidence:
        """Read a daily log of all the days there are: what is missing from those that were read may be of another day.

        Where the server refuses that, or answers with less than was `found`, what is missing is not settled.
        """
        dates = self._asked.every_day
        if dates is None:
            raise AssertionError("every day was read")
        asked = self._asked._replace(dates=dates, window=window_of(dates), reach=Reach.EVERYTHING)
        reason = "the server answers with fewer records than it does for some of the days"
        for calendar in CALENDARS:
            try:
                evidence = self._read_again(asked, around(dates.start_on, calendar))
            except UnreachableError:
                raise
            except (SkippableError, RequestError, RetryableError) as failure:
                reason = str(failure)
                continue
            if evidence.units >= found.units:
                self._covered_days = calendar
                return evidence
        log.warning(Event.DELETES_UNTOLD, error=redactor.text(reason))
        return self._read_again(asked._replace(settles=False), [dates])

    def _read_again(self, asked: Asked, dates: Sequence[DateRange]) -> Evidence:
        self._asked, self._dates = asked, list(dates)
        self._sweep.restart(asked.window)
        return self._read_lists()

    def _is_before_first_day(self, dates: DateRange | None) -> bool:
        """Return True if these days are read only to find rows again that are missing from the others."""
        every_day = self._asked.every_day
        return dates is not None and every_day is not None and dates.end_on < every_day.start_on

    def _needs_whole_list(self) -> bool:
        """Return True if live rows are said to be deleted by an answer that may be the live list itself.

        A tool without a path of its own for deleted records is asked with a filter, and a filter can be ignored.
        """
        if self._signal is None or self._signal.refused or self._asked.reach is Reach.EVERYTHING:
            return False
        return not names_deleted(self._spec.deletes) and self._sweep.missing(Covered(Ground.SIGNAL)) > 0

    def _read_whole_list(self) -> Evidence:
        window = Window(None, self._asked.window.end)
        self._asked = self._asked._replace(window=window, reach=Reach.EVERYTHING, settles=True)
        self._sweep.restart(window)
        return self._read_lists()

    def _read_deleted(self) -> None:
        """Read the tool's own list of deleted records, where it is due; the stream does not depend on it."""
        window = self._asked.signal
        if window is None:
            return
        request = deleted_listing(
            self._spec,
            self._scope,
            window,
            header_company_id=self._parts.account_company_id,
            per_page=self._per_page(),
        )
        totals: list[int | None] = []
        units, doubt = 0, None
        try:
            for page in self._parts.procore.pages(request, self._split, self._calls):
                self._sweep.take_deleted(page)
                totals += [] if page.is_blank else [page.total]
                units, doubt = units + page.units, page.doubt or doubt
            doubt = doubt or miscounted(totals, units)
            if doubt is None:
                self._signal = Signal(self._now, refused=False)
            else:
                log.warning(Event.DELETES_UNTOLD, error=doubt)
        except (SkippableError, RequestError) as refusal:
            self._signal = Signal(self._now, refused=True)
            log.warning(Event.DELETES_UNTOLD, error=redactor.text(str(refusal)))
        except UnreachableError:
            raise
        except RetryableError as failure:
            log.warning(Event.DELETES_UNTOLD, error=redactor.text(str(failure)))

    def _covered(self) -> Covered | None:
        """What a complete sweep settles the deletes of."""
        if self._signal is not None and not self._signal.refused and names_deleted(self._spec.deletes):
            return Covered(Ground.SIGNAL)
        if not self._asked.settles:
            return None
        parent = self._spec.parent
        if parent is not None:
            above = self._parts.streams[parent.stream]
            return Covered(Ground.LISTING, parents=self._parents_done, above=above)
        return Covered(Ground.LISTING, days=self._covered_days)

    def _ask(self, frame: RunFrame) -> Asked:
        with self._parts.destination.reader() as view:
            return ask(view, self._partition, self._parts.streams, self._options, frame.terms)

    def _priority(self, frame: RunFrame) -> Priority:
        is_later = self._asked.reconciles and frame.priority is Priority.SCHEDULED
        return Priority.RECONCILIATION if is_later else frame.priority

    def _remember(self, transaction: Transaction, mark: datetime | None) -> None:
        """Move the mark; keep how far back the sweep has read, and for which parents."""
        if not self._moves_marks or mark is None:
            return
        asked, stream = self._asked, self._spec.name
        # The server's clock may be ahead as well as ours.
        mark = min(mark, self._begun_at)
        checkpoint = Checkpoint(mark, self._parts.clock.now(), self._run_id)
        is_wrong = asked.mark is not None and is_ahead(asked.mark, self._later)
        move_checkpoint(transaction, stream, self._scope, checkpoint, may_go_back=is_wrong)
        if self._signal is not None:
            record_signal(transaction, stream, self._scope, self._signal)
        if asked.reach is Reach.EVERYTHING:
            forget_healed(transaction, ScopeKey(self._run_id, stream, self._scope))
        if asked.reach is Reach.RECENT and self._spec.mode is SyncMode.INCREMENTAL and asked.parents is None:
            return
        if self._spec.mode is SyncMode.FULL_REFRESH and asked.parents is None:
            return
        reread = Reread(mark, asked.dates.start_on if asked.dates else None)
        record_reread(transaction, stream, self._scope, asked.reach, reread, self._run_id)
        if asked.parents is not None:
            hashes = {str(parent): row_hash for parent, row_hash in asked.parents.items()}
            record_parents_read(transaction, stream, self._scope, hashes)
            forget_parents_read(transaction, stream, self._scope, asked.parents_gone)

    def _abandon(self, verdict: Verdict | None, reason: str) -> Swept:
        reason = redactor.text(reason)
        self._sweep.abandon(verdict, requests=self._calls.spent, error=reason)
        if verdict is not None:
            self._tell(Proof(verdict, reason))
        return Swept(verdict or Verdict.FAILED)

    def _tell(self, proof: Proof) -> None:
        log.info(Event.SCOPE_FINISHED, verdict=proof.verdict, error=proof.reason, requests=self._calls.spent)


def _is_clamped(page: Page, asked: int | None) -> bool:
    """Whether a full page is smaller than what was asked for; the last page tells nothing."""
    return asked is not None and not page.is_last and page.per_page == page.units and 0 < page.units < asked


def _pages_in(page: Page) -> int:
    """How many pages the list has, as far as this one tells."""
    whole = ceil(page.total / page.units) if page.total and page.units and not page.is_last else 0
    return max(page.number, whole)
