"""One sweep of a (stream, scope): its pages go to the writer one by one, its verdict closes it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from datetime import datetime
from itertools import count

from sync_worker.catalog.spec import SyncMode
from sync_worker.clock import Clock
from sync_worker.destination.protocol import Transaction
from sync_worker.load.arrivals import PagingTime
from sync_worker.load.deletes import DeleteDetector, DeleteResult, DeleteScope, SetNumbers, Uncertainty
from sync_worker.load.page_writer import PageResult, PageWriter
from sync_worker.load.proof import Evidence, Keys, Proof, prove
from sync_worker.load.writer import Writer
from sync_worker.logs import Event, get_logger
from sync_worker.model import Key, Page, Verdict, Window
from sync_worker.state.leases import release_lease
from sync_worker.state.ledger import (
    NOTHING_COUNTED,
    ScopeCounts,
    close_scope,
    open_scope,
    restart_scope,
    scope_counts,
    widen_scope,
)
from sync_worker.state.volatile import record_reading

# The sets of all sweeps of this process are in one table; 0 is the set of what a person approves (deletes.py).
_numbers = count(1)
log = get_logger()

OnProven = Callable[[Transaction, datetime | None], None]
"""Writes in the transaction that proves completeness, given the mark; None if no server gave its time."""


class Sweep:
    """Stores the pages of one (stream, scope) of a run and decides what they proved."""

    def __init__(
        self, writer: Writer, clock: Clock, pages: PageWriter, window: Window, complete_at: datetime | None = None
    ) -> None:
        self._writer = writer
        self._clock = clock
        self._pages = pages
        self._spec = pages.spec
        self._key = pages.key
        self._window = window
        self._complete_at = complete_at
        self._sets = SetNumbers(*(next(_numbers) for _ in SetNumbers._fields))
        self._detector = DeleteDetector(self._spec, self._key, self._sets)
        self._has_previous = False
        self._unkeyed = 0
        self._appeared = 0
        self._list_began_at: datetime | None = None
        self._before = NOTHING_COUNTED
        self._under_way: list[Future[PageResult]] = []
        self._bad_page: Proof | None = None
        self._in_two_lists: str | None = None
        self._restless: Counter[str] = Counter()

    def open(self, transaction: Transaction) -> None:
        """Write that the sweep begins."""
        open_scope(transaction, self._key, self._window, self._clock.now())
        self._pages.read_learned(transaction)
        self._pages.seen_sets[self._key] = self._sets.seen

    def take(self, page: Page, parent_id: int | str | None = None, *, only_known: bool = False) -> None:
        """Hand a page over to be stored, or only its records that have a row; raises errors of earlier pages."""
        # So that a list ends with the page that failed, and not with its last one.
        self._raise_failures(wait=False)
        if page.number == 1:
            self._list_began_at = page.server_time
        paging = None
        # What is on the first page was there when it was answered.
        if page.number > 1 and self._list_began_at is not None:
            ended, is_part = page.server_time or self._window.end, self._window.start is not None
            paging = PagingTime(self._list_began_at, ended, self._complete_at, is_part)
        identified = self._pages.identify(page, parent_id, self._clock.now(), paging, only_known)
        self._unkeyed += sum(record.key is None for record in identified.records)
        self._under_way.append(self._writer.submit(self._pages.store, identified, self._sets.seen))
        if page.is_large:
            # Its records are in memory until they are stored.
            self._raise_failures(wait=True)

    def add_reported_deleted(self, page: Page) -> None:
        """Add the records on a page of the tool's own list of deleted records to the keys reported deleted."""
        self._writer.do(self._add_reported, self._pages.reported_deleted(page))

    def _add_reported(self, transaction: Transaction, keys: list[Key]) -> None:
        transaction.key_sets.add(self._spec, self._sets.reported_deleted, keys)

    def missing(self, among: DeleteScope) -> int:
        """Return how many rows would be taken for deleted by what was read so far."""
        self._raise_failures(wait=True)
        return self._writer.do(self._detector.missing, among)

    def needs_confirmation(self, evidence: Evidence, among: DeleteScope | None) -> bool:
        """Return True if only a second sweep with the same keys can prove this one, or what is missing from it.

        That is so where a record may have slipped between two pages: rows are missing, or nothing else excludes it.
        """
        self._raise_failures(wait=True)
        return evidence.is_shifting and self._writer.do(self._is_confirmation_needed, evidence, among)

    def _is_confirmation_needed(self, transaction: Transaction, evidence: Evidence, among: DeleteScope | None) -> bool:
        if self._is_confirmed(transaction):
            return False
        keys = self._keys(transaction)
        if prove(evidence, keys._replace(is_confirmed=True)).verdict is not Verdict.COMPLETE:
            return False
        if prove(evidence, keys).verdict is not Verdict.COMPLETE:
            return True
        return among is not None and self._detector.missing(transaction, among) > 0

    def again(self) -> None:
        """Count from the beginning again, to compare what is seen with what was seen now."""
        self._sets = self._sets._replace(seen=self._sets.previous, previous=self._sets.seen)
        self._detector = DeleteDetector(self._spec, self._key, self._sets)
        self._has_previous = True
        self.restart()

    def restart(self, window: Window | None = None) -> None:
        """Count from the beginning again: what was read so far is read once more, in other parts or another window."""
        self._raise_failures(wait=True)
        # `_in_two_lists` stays: the row of that record belongs to this scope now, so it would not be found again.
        self._unkeyed, self._appeared, self._bad_page = 0, 0, None
        self._window = window or self._window
        self._writer.do(self._forget, window)

    def _forget(self, transaction: Transaction, window: Window | None) -> None:
        transaction.key_sets.drop(self._sets.seen)
        self._pages.seen_sets[self._key] = self._sets.seen
        restart_scope(transaction, self._key, self._before)
        if window is not None:
            widen_scope(transaction, self._key, window)

    def is_hopeless(self) -> bool:
        """Return True if reading the list once more cannot prove it: a record is in the list of two scopes."""
        self._raise_failures(wait=True)
        return self._in_two_lists is not None

    def settle(
        self,
        evidence: Evidence,
        among: DeleteScope | None = None,
        *,
        requests: int,
        last: bool,
        on_proven: OnProven | None = None,
    ) -> Proof:
        """Decide what the sweep proved; unless complete, or the `last` one allowed, another one may follow.

        Rows `among` those that were not seen are taken for deleted, if the sweep is complete.
        """
        self._raise_failures(wait=True)
        proof, deletes = self._writer.do(self._settle, evidence, among, requests, last, on_proven)
        # Only once it is committed: a piece of work that fails changes nothing.
        self._unkeyed, self._appeared, self._bad_page = 0, 0, None
        if deletes.held:
            log.warning(Event.DELETES_HELD, rows=deletes.held)
        return proof

    def _settle(
        self,
        transaction: Transaction,
        evidence: Evidence,
        among: DeleteScope | None,
        requests: int,
        last: bool,
        on_proven: OnProven | None,
    ) -> tuple[Proof, DeleteResult]:
        proof, counts, deletes = self._decide(transaction, evidence, last, on_proven, among)
        if proof.verdict is Verdict.COMPLETE and self._is_whole:
            self._record_reading(transaction, counts)
        if proof.verdict is not Verdict.INEXACT or last:
            self._close(transaction, proof, evidence.total, requests, deletes.deleted)
        return proof, deletes

    @property
    def _is_whole(self) -> bool:
        """True if the sweep read records that need not have changed."""
        return self._window.start is None or self._spec.mode is SyncMode.DATE_WINDOW

    def _record_reading(self, transaction: Transaction, counts: ScopeCounts) -> None:
        record_reading(
            transaction,
            self._key,
            known=counts.rows_seen - counts.inserted - counts.quarantined,
            updated=counts.updated,
            fields=self._restless,
            version=self._spec.cursor_field,
        )

    def settle_part(self, evidence: Evidence, *, last: bool, on_proven: OnProven | None = None) -> Proof:
        """Decide what a part of the sweep proved; unless complete, or the `last` try allowed, it may be read again.

        Once it is decided the lease is released: a backfill of years must not keep the list from the other runs.
        """
        self._raise_failures(wait=True)
        proof, self._before, _ = self._writer.do(self._decide_part, evidence, last, on_proven)
        self._unkeyed, self._appeared, self._bad_page, self._in_two_lists = 0, 0, None, None
        return proof

    def _decide_part(
        self, transaction: Transaction, evidence: Evidence, last: bool, on_proven: OnProven | None
    ) -> tuple[Proof, ScopeCounts, DeleteResult]:
        decided = self._decide(transaction, evidence, last, on_proven)
        if decided[0].verdict is not Verdict.INEXACT or last:
            release_lease(transaction, self._key)
        return decided

    def close(self, proof: Proof, total: int | None, *, requests: int) -> None:
        """End a sweep whose parts are all decided."""
        self._writer.do(self._close, proof, total, requests)

    def abandon(self, verdict: Verdict | None, *, requests: int, error: str) -> None:
        """End without proof: not permitted, failed, or interrupted (None)."""
        self._writer.do(self._abandon, verdict, requests, error)

    def _abandon(self, transaction: Transaction, verdict: Verdict | None, requests: int, error: str) -> None:
        self._pages.seen_sets.pop(self._key, None)
        transaction.key_sets.drop(*self._sets)
        now = self._clock.now()
        close_scope(transaction, self._key, verdict, total=None, requests=requests, error=error, finished_at=now)

    def keys(self) -> list[Key]:
        """Return the keys seen so far; for the short lists that decide what else is read."""
        self._raise_failures(wait=True)
        return self._writer.do(self._read_keys)

    def _read_keys(self, transaction: Transaction) -> list[Key]:
        return transaction.key_sets.read(self._spec, self._sets.seen)

    def _raise_failures(self, *, wait: bool) -> None:
        # `done` is checked once for each: one that fails between two checks would be forgotten with its error.
        stored = [future for future in self._under_way if wait or future.done()]
        self._under_way = [future for future in self._under_way if future not in stored]
        for future in stored:
            committed = future.result()
            self._appeared += committed.appeared
            self._bad_page = committed.bad or self._bad_page
            self._in_two_lists = self._in_two_lists or committed.in_two_lists
            log.debug(Event.BATCH_COMMITTED, rows=committed.rows)
            self._restless.update(committed.restless)
            if committed.quarantined:
                log.warning(Event.RECORD_QUARANTINED, rows=committed.quarantined)

    def _decide(
        self,
        transaction: Transaction,
        evidence: Evidence,
        last: bool,
        on_proven: OnProven | None,
        among: DeleteScope | None = None,
    ) -> tuple[Proof, ScopeCounts, DeleteResult]:
        """Return what was proved since `_before`, the counts before whatever comes next, and what was deleted."""
        counts, before = scope_counts(transaction, self._key), self._before
        proof = prove(evidence, self._keys(transaction))
        # Whatever the verdict: who was seen exists.
        self._detector.release_seen(transaction)
        if self._bad_page is not None:
            # Nothing else that was counted means anything; the next answer may be a good one.
            proof = self._bad_page if last else self._bad_page._replace(verdict=Verdict.INEXACT)
        if self._in_two_lists is not None and proof.verdict is Verdict.COMPLETE:
            proof = Proof(Verdict.INEXACT, self._in_two_lists)
        if proof.verdict is Verdict.INEXACT and not last:
            # The rows stay as they are stored; only the counting begins again.
            transaction.key_sets.drop(self._sets.seen)
            restart_scope(transaction, self._key, before)
            again = before is NOTHING_COUNTED
            return proof, before if again else before._replace(quarantined=counts.quarantined), DeleteResult()
        deletes = DeleteResult()
        if proof.verdict is Verdict.COMPLETE and among is not None:
            doubt = self._doubt(transaction, evidence)
            deletes = self._detector.detect_deletes(transaction, among, self._clock.now(), doubt)
        transaction.key_sets.drop(*self._sets)
        if proof.verdict is Verdict.COMPLETE and on_proven is not None:
            # Our clock may be ahead of the server's; what it commits in between would be skipped.
            server_time = evidence.server_time
            on_proven(transaction, None if server_time is None else min(self._window.end, server_time))
        return proof, counts, deletes

    def _keys(self, transaction: Transaction) -> Keys:
        """Return what was counted since `_before`."""
        counts, before = scope_counts(transaction, self._key), self._before
        return Keys(
            rows_seen=counts.rows_seen - before.rows_seen,
            distinct=counts.distinct_keys - before.distinct_keys,
            quarantined=counts.quarantined - before.quarantined,
            appeared=self._appeared,
            is_confirmed=self._is_confirmed(transaction),
        )

    def _is_confirmed(self, transaction: Transaction) -> bool:
        return self._has_previous and self._detector.is_repeated(transaction)

    def _doubt(self, transaction: Transaction, evidence: Evidence) -> Uncertainty:
        if self._unkeyed:
            return Uncertainty.UNKEYED
        return (
            Uncertainty.SHIFTING if evidence.is_shifting and not self._is_confirmed(transaction) else Uncertainty.NONE
        )

    def _close(
        self, transaction: Transaction, proof: Proof, total: int | None, requests: int, deleted: int = 0
    ) -> None:
        self._pages.seen_sets.pop(self._key, None)
        close_scope(
            transaction,
            self._key,
            proof.verdict,
            total=total,
            requests=requests,
            error=proof.reason,
            finished_at=self._clock.now(),
            deleted=deleted,
        )
