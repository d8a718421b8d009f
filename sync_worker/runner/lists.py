"""Reads the lists of one partition: one, or one for each parent, each page by page into the sweep.

A list that is too large is read in halves of its days or in smaller pages. What the sweep proves is for `sync.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from math import ceil

from sync_worker.catalog.spec import SyncMode, names_deleted
from sync_worker.client.list_request import deleted_list_request, list_request
from sync_worker.destination.protocol import Transaction
from sync_worker.errors import (
    NotFoundError,
    RequestError,
    RetryableError,
    SkippableError,
    StopRequested,
    TooLargeError,
    UnreachableError,
)
from sync_worker.load.deletes import DeleteScope
from sync_worker.load.page_writer import PageWriter
from sync_worker.load.proof import Evidence, miscounted
from sync_worker.load.split import splitter
from sync_worker.load.sweep import Sweep
from sync_worker.logs import Event, get_logger, redactor
from sync_worker.model import Calls, DateRange, DeleteEvidence, Page, Priority, Window
from sync_worker.planning.pages import SMALLEST, page_size
from sync_worker.planning.partitions import Partition
from sync_worker.planning.read_plan import ReadPlan
from sync_worker.planning.windows import CALENDARS, PARENT_PROBED_EVERY, Part, around, halves, is_ahead, window_of
from sync_worker.runner.context import RunContext
from sync_worker.state.checkpoints import Checkpoint, move_checkpoint
from sync_worker.state.deletes import Signal, record_signal
from sync_worker.state.journal import forget_healed
from sync_worker.state.last_reads import (
    LastRead,
    ReadDepth,
    forget_parents_read,
    record_last_read,
    record_parents_read,
)
from sync_worker.state.leases import take_lease
from sync_worker.state.ledger import ScopeKey
from sync_worker.state.page_sizes import record_page_size
from sync_worker.state.permissions import (
    ParentRefusal,
    RefusalKind,
    forget_parents_refused,
    record_parents_refused,
    refusal_kind,
)

_LEASE_SECONDS = 0.2

log = get_logger()


def open_lists(run: RunContext, partition: Partition, doubt: str | None, calls: Calls) -> ListReader:
    """Take the lease of a partition, plan what to read of it, and open its line in the ledger, in one transaction.

    While another run has the lease, this one waits: what that run proves need not be read again. Raises
    `StopRequested` when asked to stop meanwhile, or when a failure elsewhere ends this run, and `AllowanceSpent`
    when the other one waits for the allowance and this one is not to.
    """
    services, is_awaited = run.services, False
    while (lists := services.writer.do(_open_lists, run, partition, doubt, calls)) is None:
        if not is_awaited:
            log.info(Event.LEASE_AWAITED)
            is_awaited = True
        _wait_for_lease(run, calls)
    return lists


def _open_lists(
    transaction: Transaction, run: RunContext, partition: Partition, doubt: str | None, calls: Calls
) -> ListReader | None:
    if not take_lease(transaction, run.key(partition), run.services.readers):
        return None
    lists = ListReader(run, partition, run.plan(transaction, partition), doubt, calls)
    lists.sweep.open(transaction)
    return lists


def _wait_for_lease(run: RunContext, calls: Calls) -> None:
    run.services.rate_limit.check(calls)
    if run.services.clock.wait(run.services.stop, _LEASE_SECONDS):
        raise StopRequested("asked to stop while another run read the same list")
    if run.is_ending:
        raise StopRequested("another list ended the run while it waited for this one")


class ListReader:
    """The lists of one partition under a plan, and what reading them showed; `calls` counts the requests."""

    def __init__(self, run: RunContext, partition: Partition, plan: ReadPlan, doubt: str | None, calls: Calls) -> None:
        self.spec, self.scope = partition
        self._run = run
        self._services = run.services
        self._options = run.services.options(self.spec.name)
        self._split = splitter(self.spec.envelope)
        self.plan = plan
        # What is read now: a part of the plan, or more than it where the first sweep shows that more is needed.
        self._current = plan
        self._doubt = run.clocks.doubt or doubt
        self._first_server_time = run.clocks.server_time
        self._run_start = run.now.earlier
        # By our own clock, and the later of both.
        self._sweep_start = self._latest_clock = run.clocks.started_at
        # The ranges that are requested, of the days that are read in all.
        self._dates: list[DateRange | None] = [plan.dates]
        self._days_read = plan.dates
        self._smaller_size: int | None = None
        self._pages_read = 0
        self._parents_read: list[int | str] = []
        self._parents_refused: dict[int | str, RefusalKind] = {}
        self._signal: Signal | None = None
        self.calls = calls
        if plan.reconciles and run.priority is Priority.SCHEDULED:
            calls.priority = Priority.RECONCILIATION
        self._key = key = run.key(partition)
        # What a backfill reads may never have been read before.
        complete_at = plan.mark if run.advances_checkpoint else None
        pages = PageWriter(
            self.spec, key, run.seen_sets, self._options.excluded, follows_deletes=self._options.follows_deletes
        )
        self.sweep = Sweep(self._services.writer, self._services.clock, pages, plan.window, complete_at)

    @property
    def can_be_proven(self) -> bool:
        """False if another sweep would prove no more than this one."""
        return self._doubt is None and not self.sweep.is_hopeless()

    def read(self) -> Evidence:
        """Read every list to its end, and return what the server said of all of them."""
        self._sweep_start = self._services.clock.now()
        evidence = Evidence().with_skipped_lists(self._current.unchanged_parents)
        for kind in self._current.refused_parents:
            evidence = evidence.with_missing_parent() if kind is RefusalKind.NOT_FOUND else evidence.with_refusal()
        refusal: SkippableError | None = None
        self._parents_read, self._parents_refused = [], {}
        for parent_id in [None] if self._current.parents is None else self._current.parents:
            try:
                found = self._read_in_parts(parent_id, evidence)
            except SkippableError as refused:
                # One parent's list may be private, or deleted a moment ago; the others are read nevertheless.
                refusal = refused
                is_gone = isinstance(refused, NotFoundError) and parent_id is not None
                evidence = evidence.with_missing_parent() if is_gone else evidence.with_refusal()
                if parent_id is not None:
                    self._parents_refused[parent_id] = refusal_kind(refused)
                continue
            if found is None:
                # This ends: each time the pages are smaller than before.
                return self.read()
            evidence = found
            self._parents_read += [] if parent_id is None else [parent_id]
        self._record_parents_refused(refusal)
        if self._all_refused(evidence):
            # Nothing was read: the verdict is that of one list that may not be read.
            raise refusal or SkippableError(f"all {evidence.lists} lists of its parents were refused before")
        evidence = evidence.started_at(self._first_server_time)
        self._latest_clock = max(self._sweep_start, evidence.server_time or self._sweep_start)
        return evidence._replace(doubt=self._doubt or evidence.doubt)

    def take_lease(self) -> None:
        """Take the lease again that the part before has released; wait for it like `open_lists`."""
        # Who waited for the part before may have hurried it.
        self.calls.priority = self._run.priority
        while not self._services.writer.do(take_lease, self._key, self._services.readers):
            _wait_for_lease(self._run, self.calls)

    def read_part(self, part: Part) -> Evidence:
        """Read a part of what was planned: another window, or other days."""
        self._current = self._current._replace(window=part.window, dates=part.dates)
        self._dates = [part.dates]
        return self.read()

    def _all_refused(self, evidence: Evidence) -> bool:
        """Return True if no list may be read; Procore may answer 404 for that too, but then for all of several."""
        if evidence.refused:
            return evidence.refused + evidence.gone == evidence.lists
        return self._current.depth is ReadDepth.FULL and evidence.gone == evidence.lists > 1

    def _read_in_parts(self, parent_id: int | str | None, evidence: Evidence) -> Evidence | None:
        """Read a list in one part, or if it is too large for that, in smaller pages or in ranges of days.

        Returns None if the lists of other parents, read before, must be read again with it.
        """
        found, position = evidence, 0
        while position < len(self._dates):
            dates, pages_before = self._dates[position], self._pages_read
            try:
                found = self._read_list(parent_id, dates, found)
                position += 1
            except TooLargeError as error:
                # Fewer days cost as many calls as the list has pages; smaller pages cost more.
                if dates is not None and dates.start_on < dates.end_on:
                    self._dates[position : position + 1] = halves(dates)
                elif not self._use_smaller_pages(error):
                    raise
                if self._pages_read > pages_before:
                    # The pages that came would count twice.
                    self.sweep.restart()
                    if self._parents_read:
                        # The counts of their lists are dropped with it.
                        return None
                    found, position = evidence, 0
        return found

    def _read_list(self, parent_id: int | str | None, dates: DateRange | None, evidence: Evidence) -> Evidence:
        request = list_request(
            self.spec,
            self.scope,
            # A parent that is new to us may have children older than the mark.
            window=self._current.window if self._current.parents is None else None,
            dates=dates,
            parent_id=parent_id,
            header_company_id=self._services.account_company_id,
            per_page=self._per_page(),
        )
        totals: list[int | None] = []
        units = records = 0
        doubt: str | None = None
        for page in self._services.procore.pages(request, self._split, self.calls):
            self._run.clocks.compare(page.server_time, self._services.clock.now())
            self._doubt = self._run.clocks.doubt or self._doubt
            doubt = page.doubt or doubt
            if page.is_blank:
                if request.per_page is not None and page.ignores_paging:
                    # As many new records in front make two different pages look like one.
                    totals.append(None)
                break
            if dates is not None and _pages_in(page) > self._options.max_pages:
                raise TooLargeError(f"{self.spec.name}: more than {self._options.max_pages} pages", is_counted=True)
            self.sweep.take(page, parent_id, only_known=self._is_before_first_day(dates))
            self._pages_read += 1
            self._services.progress.page_taken(len(page.records))
            if self._smaller_size is not None:
                # Only a page that came shows that its size helps; a list that always fails keeps the larger one.
                self._record_page_size(self._smaller_size)
            totals.append(page.total)
            units, records = units + page.units, records + len(page.records)
            evidence = evidence.started_at(page.server_time)
            if _is_clamped(page, request.per_page):
                self._record_page_size(page.units)
        return evidence.with_list(totals, units, doubt, records=records)

    def _per_page(self) -> int | None:
        return self._smaller_size or page_size(self.spec, self._options, self._run.page_sizes)

    def _use_smaller_pages(self, error: TooLargeError) -> bool:
        """Use a quarter of the page size in this partition; return False if that cannot help."""
        size = self._per_page()
        if error.is_counted or size is None or size <= SMALLEST:
            return False
        self._smaller_size = max(SMALLEST, size // 4)
        return True

    def _record_page_size(self, per_page: int) -> None:
        if self._run.page_sizes.get(self.spec.name) == per_page:
            return
        self._run.page_sizes[self.spec.name] = per_page
        now = self._services.clock.now()
        self._services.writer.do(record_page_size, self.spec.name, per_page, now)

    def lacks_rows_of_its_days(self, evidence: Evidence) -> bool:
        """Return True if rows are missing from the days that were read: deleted, or moved to another day."""
        is_proof = self._days_read not in CALENDARS and self._doubt is None and evidence.steady
        deletes = self.delete_scope() if self._current.every_day is not None and is_proof else None
        return deletes is not None and self.sweep.missing(deletes) > 0

    def read_every_day(self, found: Evidence) -> Evidence:
        """Read a daily log for all days there are, to find rows that were moved to another day.

        If the server refuses that, or answers with fewer records than were `found`, missing rows are not deleted.
        """
        dates = self._current.every_day
        if dates is None:
            raise AssertionError("every day was read")
        plan = self._current._replace(dates=dates, window=window_of(dates), depth=ReadDepth.FULL)
        reason = "the server answers with fewer records than it does for some of the days"
        for calendar in CALENDARS:
            try:
                evidence = self._read_again(plan, around(dates.start_on, calendar))
            except UnreachableError:
                raise
            except (SkippableError, RequestError, RetryableError) as failure:
                reason = str(failure)
                continue
            if evidence.units >= found.units:
                self._days_read = calendar
                return evidence
        log.warning(Event.DELETES_UNDETECTED, error=redactor.text(reason))
        return self._read_again(plan._replace(detects_deletes=False), [dates])

    def _is_before_first_day(self, dates: DateRange | None) -> bool:
        """Return True if these days are read only to find rows that are missing from the others."""
        every_day = self._current.every_day
        return dates is not None and every_day is not None and dates.end_on < every_day.start_on

    def read_deleted(self) -> None:
        """Read the tool's own list of deleted records if it is due; a failure leaves the stream as it is."""
        window = self._current.signal
        if window is None:
            return
        company_id, per_page = self._services.account_company_id, self._per_page()
        request = deleted_list_request(self.spec, self.scope, window, header_company_id=company_id, per_page=per_page)
        totals: list[int | None] = []
        units, doubt = 0, None
        try:
            for page in self._services.procore.pages(request, self._split, self.calls):
                self.sweep.add_reported_deleted(page)
                totals += [] if page.is_blank else [page.total]
                units, doubt = units + page.units, page.doubt or doubt
            doubt = doubt or miscounted(totals, units)
            if doubt is None:
                self._signal = Signal(self._run_start, refused=False)
            else:
                log.warning(Event.DELETES_UNDETECTED, error=doubt)
        except (SkippableError, RequestError) as refusal:
            self._signal = Signal(self._run_start, refused=True)
            log.warning(Event.DELETES_UNDETECTED, error=redactor.text(str(refusal)))
        except UnreachableError:
            # One of the `RetryableError`s, but not this list's alone.
            raise
        except RetryableError as failure:
            log.warning(Event.DELETES_UNDETECTED, error=redactor.text(str(failure)))

    def needs_whole_list(self) -> bool:
        """Return True if live rows are reported deleted by an answer that may be the live list itself.

        A tool without a path of its own for deleted records is asked with a filter, and a filter can be ignored.
        """
        if self._signal is None or self._signal.refused or self._current.depth is ReadDepth.FULL:
            return False
        return not names_deleted(self.spec.deletes) and self.sweep.missing(DeleteScope(DeleteEvidence.SIGNAL)) > 0

    def read_whole_list(self) -> Evidence:
        """Read the list without a window, to confirm the deletes that were reported."""
        window = Window(None, self._current.window.end)
        plan = self._current._replace(window=window, depth=ReadDepth.FULL, detects_deletes=True)
        return self._read_again(plan, self._dates)

    def _read_again(self, plan: ReadPlan, dates: Sequence[DateRange | None]) -> Evidence:
        self._current, self._dates = plan, list(dates)
        self.sweep.restart(plan.window)
        return self.read()

    def delete_scope(self) -> DeleteScope | None:
        """Return the rows among which a complete sweep detects deletes, or None if it cannot."""
        if self._signal is not None and not self._signal.refused and names_deleted(self.spec.deletes):
            return DeleteScope(DeleteEvidence.SIGNAL)
        if not self._current.detects_deletes:
            return None
        parent = self.spec.parent
        if parent is not None:
            above = self._services.streams[parent.stream]
            return DeleteScope(DeleteEvidence.LISTING, parents=self._parents_read, above=above)
        return DeleteScope(DeleteEvidence.LISTING, days=self._days_read)

    def record_progress(self, transaction: Transaction, mark: datetime | None) -> None:
        """Move the checkpoint to `mark`; record how far back the sweep has read, and for which parents.

        Written in the transaction that proves the sweep complete. If no server gave its time there is no mark.
        """
        if not self._run.advances_checkpoint or mark is None:
            return
        plan, stream, run_id = self._current, self.spec.name, self._run.run_id
        # The server's clock may be ahead, as ours may. What changed during the sweep may be on none of its pages.
        mark = min(mark, self._sweep_start)
        is_wrong = plan.mark is not None and is_ahead(plan.mark, self._latest_clock)
        checkpoint = Checkpoint(mark, self._services.clock.now(), run_id)
        move_checkpoint(transaction, stream, self.scope, checkpoint, may_go_back=is_wrong)
        if self._signal is not None:
            record_signal(transaction, stream, self.scope, self._signal)
        # Only a read of everything would have met them again.
        if plan.depth is ReadDepth.FULL:
            forget_healed(transaction, ScopeKey(run_id, stream, self.scope))
        # The mark alone says when a list was read that is always read whole, or for its changes.
        if plan.parents is None and self.spec.mode is SyncMode.FULL_REFRESH:
            return
        if plan.parents is None and self.spec.mode is SyncMode.INCREMENTAL and plan.depth is ReadDepth.INCREMENTAL:
            return
        last_read = LastRead(mark, plan.dates.start_on if plan.dates else None)
        record_last_read(transaction, stream, self.scope, plan.depth, last_read)
        if plan.parents is not None:
            hashes = {str(parent): row_hash for parent, row_hash in plan.parents.items()}
            record_parents_read(transaction, stream, self.scope, hashes)
            forget_parents_read(transaction, stream, self.scope, plan.missing_parents)

    def record_parents_read(self, transaction: Transaction) -> None:
        """Record for which parents the list was read while those of others may not be; the mark stays."""
        plan, stream = self._current, self.spec.name
        if plan.parents is None or not self._run.advances_checkpoint:
            return
        record_last_read(transaction, stream, self.scope, plan.depth, LastRead(self._run_start))
        hashes = {str(parent): plan.parents[parent] for parent in self._parents_read}
        record_parents_read(transaction, stream, self.scope, hashes)

    def _record_parents_refused(self, refusal: SkippableError | None) -> None:
        """Record for which parents the list may not be read, and for which it may."""
        parents = self._current.parents
        if not self._run.advances_checkpoint or parents is None or not (self._parents_refused or self._parents_read):
            return
        stream, now = self.spec.name, self._run_start
        refused = {
            str(parent): ParentRefusal(parents[parent], kind, now + PARENT_PROBED_EVERY)
            for parent, kind in self._parents_refused.items()
        }
        writer, reason = self._services.writer, redactor.text(str(refusal))
        writer.do(record_parents_refused, stream, self.scope, refused, reason, now)
        writer.do(forget_parents_refused, stream, self.scope, list(map(str, self._parents_read)))


def _is_clamped(page: Page, per_page: int | None) -> bool:
    """Return True if a full page is smaller than requested; the last page shows nothing."""
    return per_page is not None and not page.is_last and page.per_page == page.units and 0 < page.units < per_page


def _pages_in(page: Page) -> int:
    """Return how many pages the list has, as far as this one shows."""
    whole = ceil(page.total / page.units) if page.total and page.units and not page.is_last else 0
    return max(page.number, whole)
