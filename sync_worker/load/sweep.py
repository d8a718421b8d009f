"""One sweep of a (stream, scope): its pages go to the loader one by one, its verdict closes it.

The path of a page: identify each record, drop what is stored already, type the rest, store rows and progress in one
transaction. Nothing of a page is kept after that; the keys seen are the destination's to remember.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from datetime import datetime
from itertools import count
from types import MappingProxyType
from typing import NamedTuple

import msgspec

from sync_worker.catalog.spec import DeletedAmongLive, StreamSpec, SyncMode
from sync_worker.clock import Clock, utc_text
from sync_worker.destination.protocol import Parameter, StoredRow, Transaction
from sync_worker.load.arrivals import PagingTime
from sync_worker.load.batch import Batch, newest_by_key
from sync_worker.load.deletes import DeleteDetector, DeleteResult, DeleteScope, KeySets, Uncertainty
from sync_worker.load.fingerprint import Candidate, Fingerprint, Unreadable
from sync_worker.load.proof import Evidence, Keys, Proof, prove
from sync_worker.load.repeated_keys import find_repeated
from sync_worker.load.row import RowMaker
from sync_worker.load.split import holds_endless_number
from sync_worker.load.values import order_of
from sync_worker.load.writer import Writer
from sync_worker.logs import Event, get_logger
from sync_worker.model import Key, Page, Verdict, Window
from sync_worker.state.journal import quarantine_records, record_field_changes, record_schema_changes
from sync_worker.state.ledger import (
    NOTHING_COUNTED,
    Beside,
    PageCounts,
    ScopeCounts,
    ScopeKey,
    close_scope,
    note_beside,
    open_scope,
    record_page,
    restart_scope,
    run_ids_beside,
    scope_counts,
    widen_scope,
)
from sync_worker.state.volatile import learn_volatile_paths, read_volatile_paths, record_reading, rehash_parents

_ENDLESS = Proof(Verdict.FAILED, "bad payload: a record holds a number beyond any range, such as 1e400")
_numbers = count(1)
log = get_logger()

OnProven = Callable[[Transaction, datetime | None], None]
"""Writes in the transaction that proves completeness, given the mark; None if no server gave its time."""


class _Mark(msgspec.Struct):
    deleted_at: msgspec.Raw = msgspec.Raw(b"null")


_mark = msgspec.json.Decoder(_Mark)


def _is_marked(raw: msgspec.Raw) -> bool:
    """Return True if a record of a list that mixes live and deleted ones says that it is deleted."""
    try:
        return bytes(_mark.decode(raw).deleted_at) not in (b"null", b'""')
    except (msgspec.DecodeError, RecursionError):
        return False


class RecordTools(NamedTuple):
    """The tools that turn the records of one list into rows; `scope` are the values of the scope columns."""

    scope: Mapping[str, int | str]
    fingerprint: Fingerprint
    rows: RowMaker


class PageResult(NamedTuple):
    """The counts of a stored page: rows written, records quarantined, and rows that appeared after the first page.

    `restless` counts by field the records in which it differed although nothing says that they changed.
    """

    rows: int
    quarantined: int
    appeared: int = 0
    restless: Mapping[str, int] = MappingProxyType({})


class Sweep:
    """Stores the pages of one (stream, scope) of a run and decides what they proved."""

    def __init__(
        self,
        loader: Writer,
        clock: Clock,
        spec: StreamSpec,
        key: ScopeKey,
        window: Window,
        excluded: frozenset[str] = frozenset(),
        complete_at: datetime | None = None,
        *,
        follows_deletes: bool = True,
    ) -> None:
        self._loader = loader
        self._clock = clock
        self._spec = spec
        self._key = key
        self._window = window
        self._excluded = excluded
        self._complete_at = complete_at
        self._follows_deletes = follows_deletes
        self._sets = KeySets(*(next(_numbers) for _ in KeySets._fields))
        self._beside = Beside()
        self._detector = DeleteDetector(spec, key, self._sets, self._beside)
        self._has_previous = False
        self._is_mixed = isinstance(spec.deletes, DeletedAmongLive)
        self._unkeyed = 0
        self._appeared = 0
        self._list_began_at: datetime | None = None
        self._before = NOTHING_COUNTED
        self._under_way: list[Future[PageResult]] = []
        self._bad_page: Proof | None = None
        self._in_two_lists: str | None = None
        self._learned: frozenset[str] = frozenset()
        self._restless: Counter[str] = Counter()
        self._made: tuple[object, RecordTools] | None = None

    def open(self) -> None:
        """Write that the sweep begins."""
        started_at = self._clock.now()

        def begin(transaction: Transaction) -> Beside:
            open_scope(transaction, self._key, self._window, started_at)
            self._learned = read_volatile_paths(transaction, self._key.stream)
            return note_beside(transaction, self._key.run_id)

        self._beside = self._loader.do(begin)
        self._loader.seen_sets[self._key] = self._sets.seen
        self._detector = DeleteDetector(self._spec, self._key, self._sets, self._beside)

    def take(self, page: Page, parent_id: int | str | None = None, *, only_known: bool = False) -> None:
        """Hand a page over to be stored, or only its records that have a row; raises errors of earlier pages."""
        self._raise_failures(wait=False)
        tools = self._tools(parent_id)
        identified = [tools.fingerprint.identify(raw) for raw in page.records]
        self._unkeyed += sum(record.key is None for record in identified)
        seen_at = self._clock.now()
        if page.number == 1:
            self._list_began_at = page.server_time
        # What is on the first page was there when it was answered.
        began = self._list_began_at if page.number > 1 else None
        is_part = self._window.start is not None
        paging = None
        if began is not None:
            paging = PagingTime(began, page.server_time or self._window.end, self._complete_at, is_part)
        self._under_way.append(
            self._loader.submit(
                lambda transaction: self._store(transaction, identified, tools, seen_at, paging, only_known)
            )
        )
        if page.is_large:
            self._raise_failures(wait=True)

    def add_reported_deleted(self, page: Page) -> None:
        """Add the records on a page of the tool's own list of deleted records to the keys reported deleted."""
        tools = self._tools(None)
        names = [raw for raw in page.records if not self._is_mixed or _is_marked(raw)]
        identified = [tools.fingerprint.identify(raw) for raw in names if tools.rows.belongs_here(raw)]
        keys = [record.key for record in identified if isinstance(record, Candidate)]
        self._loader.do(lambda transaction: transaction.add_keys(self._spec, self._sets.reported_deleted, keys))

    def missing(self, covered: DeleteScope) -> int:
        """Return how many rows would be taken for deleted by what was read so far."""
        self._raise_failures(wait=True)
        return self._loader.do(lambda transaction: self._detector.missing(transaction, covered))

    def needs_confirmation(self, evidence: Evidence, covered: DeleteScope | None) -> bool:
        """Return True if only a second sweep with the same keys can prove this one, or what is missing from it.

        That is so where a record may have slipped between two pages: rows are missing, or nothing else excludes it.
        """
        self._raise_failures(wait=True)
        if not evidence.is_shifting:
            return False

        def is_needed(transaction: Transaction) -> bool:
            if self._is_confirmed(transaction):
                return False
            keys = self._keys(transaction)
            if prove(evidence, keys._replace(is_confirmed=True)).verdict is not Verdict.COMPLETE:
                return False
            return prove(evidence, keys).verdict is not Verdict.COMPLETE or (
                covered is not None and self._detector.missing(transaction, covered) > 0
            )

        return self._loader.do(is_needed)

    def again(self) -> None:
        """Count from the beginning again, to compare what is seen with what was seen now."""
        self._sets = self._sets._replace(seen=self._sets.previous, previous=self._sets.seen)
        self._loader.seen_sets[self._key] = self._sets.seen
        self._detector = DeleteDetector(self._spec, self._key, self._sets, self._beside)
        self._has_previous = True
        self.restart()

    def restart(self, window: Window | None = None) -> None:
        """Count from the beginning again: what was read so far is read once more, in other parts or another window."""
        self._raise_failures(wait=True)
        self._unkeyed = self._appeared = 0
        self._bad_page = None
        self._window = window or self._window

        def forget(transaction: Transaction) -> None:
            transaction.drop_keys(self._sets.seen)
            restart_scope(transaction, self._key, self._before)
            if window is not None:
                widen_scope(transaction, self._key, window)

        self._loader.do(forget)

    def is_hopeless(self) -> bool:
        """Return True if reading the list once more cannot prove it: a record is in the list of two scopes."""
        self._raise_failures(wait=True)
        return self._in_two_lists is not None

    def settle(
        self,
        evidence: Evidence,
        covered: DeleteScope | None = None,
        *,
        requests: int,
        last: bool,
        also: OnProven | None = None,
    ) -> Proof:
        """Decide what the sweep proved; unless complete, or the `last` one allowed, another one may follow.

        What is `covered` but was not seen is taken for deleted, if the sweep is complete.
        """
        self._raise_failures(wait=True)

        def decide(transaction: Transaction) -> tuple[Proof, DeleteResult]:
            proof, counts, deletes = self._decide(transaction, evidence, last, also, covered)
            if proof.verdict is Verdict.COMPLETE and self._is_whole:
                self._note_reading(transaction, counts)
            if proof.verdict is not Verdict.INEXACT or last:
                self._close(transaction, proof, evidence.total, requests, deletes.deleted)
            return proof, deletes

        proof, deletes = self._loader.do(decide)
        # Only once it is committed: a piece of work that fails changes nothing.
        self._unkeyed, self._appeared, self._bad_page = 0, 0, None
        if deletes.held:
            log.warning(Event.DELETES_HELD, rows=deletes.held)
        return proof

    @property
    def _is_whole(self) -> bool:
        """True if the sweep read records that need not have changed."""
        return self._window.start is None or self._spec.mode is SyncMode.DATE_WINDOW

    def _note_reading(self, transaction: Transaction, counts: ScopeCounts) -> None:
        record_reading(
            transaction,
            self._key,
            known=counts.rows_seen - counts.inserted - counts.quarantined,
            updated=counts.updated,
            fields=self._restless,
            version=self._spec.cursor_field,
        )

    def settle_part(self, evidence: Evidence, *, last: bool, also: OnProven | None = None) -> Proof:
        """Decide what a part of the sweep proved; unless complete, or the `last` try allowed, it may be read again."""
        self._raise_failures(wait=True)
        proof, self._before, _ = self._loader.do(lambda transaction: self._decide(transaction, evidence, last, also))
        self._unkeyed, self._appeared, self._bad_page = 0, 0, None
        return proof

    def close(self, proof: Proof, total: int | None, *, requests: int) -> None:
        """End a sweep whose parts are all decided."""
        self._loader.do(lambda transaction: self._close(transaction, proof, total, requests))

    def abandon(self, verdict: Verdict | None, *, requests: int, error: str) -> None:
        """End without proof: not permitted, failed, or interrupted (None)."""
        finished_at = self._clock.now()

        def close(transaction: Transaction) -> None:
            self._loader.seen_sets.pop(self._key, None)
            transaction.drop_keys(*self._sets)
            close_scope(
                transaction, self._key, verdict, total=None, requests=requests, error=error, finished_at=finished_at
            )

        self._loader.do(close)

    def keys(self) -> list[Key]:
        """Return the keys seen so far; for the short lists that decide what else is read."""
        self._raise_failures(wait=True)
        return self._loader.do(lambda transaction: transaction.read_keys(self._spec, self._sets.seen))

    def _raise_failures(self, *, wait: bool) -> None:
        # `done` is checked once for each: one that fails between two checks would be forgotten with its error.
        stored = [future for future in self._under_way if wait or future.done()]
        self._under_way = [future for future in self._under_way if future not in stored]
        for future in stored:
            committed = future.result()
            self._appeared += committed.appeared
            log.debug(Event.BATCH_COMMITTED, rows=committed.rows)
            self._restless.update(committed.restless)
            if committed.quarantined:
                log.warning(Event.RECORD_QUARANTINED, rows=committed.quarantined)

    def _tools(self, parent_id: int | str | None) -> RecordTools:
        """Return the tools for a parent's list; kept until the next list, as each is read to its end first."""
        made_for = (parent_id, self._learned)
        if self._made is None or self._made[0] != made_for:
            scope = self._scope_values(parent_id)
            fingerprint = Fingerprint(self._spec, scope, self._excluded, self._learned)
            self._made = (made_for, RecordTools(scope, fingerprint, RowMaker(self._spec, scope, self._excluded)))
        return self._made[1]

    def _scope_values(self, parent_id: int | str | None) -> Mapping[str, int | str]:
        values: dict[str, int | str | None] = dict(self._key.scope._asdict())
        if self._spec.parent is not None:
            values[self._spec.parent.param] = parent_id
        return {name: value for name in self._spec.scope_columns if (value := values[name]) is not None}

    def _decide(
        self,
        transaction: Transaction,
        evidence: Evidence,
        last: bool,
        also: OnProven | None,
        covered: DeleteScope | None = None,
    ) -> tuple[Proof, ScopeCounts, DeleteResult]:
        """Return what was proved since `_before`, the counts before whatever comes next, and what was deleted."""
        counts, before = scope_counts(transaction, self._key), self._before
        proof = prove(evidence, self._keys(transaction))
        self._detector.release_seen(transaction)
        if self._bad_page is not None:
            proof = self._bad_page if last else self._bad_page._replace(verdict=Verdict.INEXACT)
        if self._in_two_lists is not None and proof.verdict is Verdict.COMPLETE:
            proof = Proof(Verdict.INEXACT, self._in_two_lists)
        if proof.verdict is Verdict.INEXACT and not last:
            transaction.drop_keys(self._sets.seen)
            restart_scope(transaction, self._key, before)
            again = before is NOTHING_COUNTED
            return proof, before if again else before._replace(quarantined=counts.quarantined), DeleteResult()
        deletes = DeleteResult()
        if proof.verdict is Verdict.COMPLETE and covered is not None:
            doubt = self._doubt(transaction, evidence)
            deletes = self._detector.detect_deletes(transaction, covered, self._clock.now(), doubt)
        transaction.drop_keys(*self._sets)
        if proof.verdict is Verdict.COMPLETE and also is not None:
            # Our clock may be ahead of the server's; what it commits in between would be skipped.
            server_time = evidence.server_time
            also(transaction, None if server_time is None else min(self._window.end, server_time))
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
        self._loader.seen_sets.pop(self._key, None)
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

    def _store(
        self,
        transaction: Transaction,
        identified: Sequence[Candidate | Unreadable],
        tools: RecordTools,
        seen_at: datetime,
        paging: PagingTime | None,
        only_known: bool,
    ) -> PageResult:
        """Store the changed records of a page with their counts."""
        unreadable = [record for record in identified if isinstance(record, Unreadable)]
        newest = newest_by_key(record for record in identified if isinstance(record, Candidate))
        unchanged = transaction.unchanged(self._spec, {key: found.row_hash for key, found in newest.items()})
        changed = [candidate for key, candidate in newest.items() if key not in unchanged]
        # Only in changed records: to search every page would take half as long as reading it.
        if any(holds_endless_number(candidate.raw) for candidate in changed):
            self._bad_page = _ENDLESS
            return PageResult(0, 0)

        stored = transaction.stored(self._spec, [candidate.key for candidate in changed]) if changed else {}
        changed = [candidate for candidate in changed if not only_known or candidate.key in stored]
        late = self._late(transaction, changed, stored)
        in_time = [candidate for candidate in changed if candidate.key not in late]
        batch = self._batch(transaction, in_time, stored, tools, seen_at)
        if batch.elsewhere:
            reason = batch.elsewhere[0].reason
            if not (batch.keys or batch.same or unchanged or late):
                self._bad_page = Proof(Verdict.FAILED, f"bad payload: the answer is of another list: {reason}")
                return PageResult(0, 0)
            self._bad_page = Proof(Verdict.INEXACT, f"{reason}; it is set aside, see _quarantine")
        under_way, follows_deletes = self._loader.seen_sets, self._follows_deletes
        repeated = find_repeated(
            transaction, self._spec, self._key, batch.keys, stored, under_way, follows_deletes=follows_deletes
        )
        self._in_two_lists = self._in_two_lists or repeated

        # A record that cannot be stored exists nevertheless: its row is not deleted.
        seen = [*newest, *(record.key for record in unreadable if record.key is not None)]
        distinct_keys = transaction.add_keys(self._spec, self._sets.seen, seen)
        distinct_keys += sum(record.key is None for record in unreadable)
        transaction.merge(self._spec, batch.rows)
        if batch.same:
            self._keep_rows(transaction, batch, stored, tools)

        record_field_changes(transaction, self._key, batch.field_changes, seen_at)
        record_schema_changes(transaction, self._key, batch.schema_changes, seen_at)
        set_aside = unreadable + batch.unreadable + batch.elsewhere
        quarantined = [(record.reason, bytes(record.raw).decode("utf-8", "replace")) for record in set_aside]
        quarantine_records(transaction, self._key, quarantined, seen_at)
        updated = sum(key in stored for key in batch.keys)
        inserted = len(batch.keys) - updated
        counts = PageCounts(rows_seen=len(identified), distinct_keys=distinct_keys, inserted=inserted, updated=updated)
        record_page(transaction, self._key, counts)
        written = [newest[key] for key in batch.keys]
        appeared = 0 if paging is None else paging.count_arrivals(written, stored, tools.scope)
        return PageResult(len(batch.rows), len(set_aside), appeared, batch.restless)

    def _batch(
        self,
        transaction: Transaction,
        changed: Sequence[Candidate],
        stored: Mapping[Key, StoredRow],
        tools: RecordTools,
        seen_at: datetime,
    ) -> Batch:
        before = self._rows_to_compare(transaction, changed, stored)
        batch = Batch(self._spec, self._key.run_id, utc_text(seen_at))
        for candidate in changed:
            batch.add(candidate, tools.rows, stored.get(candidate.key), before.get(candidate.key))
        return batch

    def _rows_to_compare(
        self, transaction: Transaction, changed: Sequence[Candidate], stored: Mapping[Key, StoredRow]
    ) -> Mapping[Key, Sequence[Parameter]]:
        """Return the rows of records with another hash and the same version: their content may still be the same."""
        keys = [
            candidate.key
            for candidate in changed
            if (known := stored.get(candidate.key)) is not None
            and not known.is_deleted
            and order_of(known.version) == candidate.version
        ]
        return transaction.rows(self._spec, keys) if keys else {}

    def _keep_rows(
        self,
        transaction: Transaction,
        batch: Batch,
        stored: Mapping[Key, StoredRow],
        tools: RecordTools,
    ) -> None:
        """Learn why records seemed to differ from their rows, and give the rows the hash that they have now."""
        paths = batch.signed - set(self._spec.volatile)
        self._learned = learn_volatile_paths(transaction, self._key.stream, paths)
        fingerprint = Fingerprint(self._spec, tools.scope, self._excluded, self._learned)
        hashes = {candidate.key: fingerprint.hash_of(candidate.raw) for candidate in batch.same}
        transaction.rehash(self._spec, hashes)
        rehash_parents(transaction, {stored[key].row_hash: row_hash for key, row_hash in hashes.items()})

    def _late(
        self, transaction: Transaction, changed: Sequence[Candidate], stored: Mapping[Key, StoredRow]
    ) -> set[Key]:
        """Return keys whose record is older than one that this run or a concurrent run has met: its page arrived late.

        A record older than what an earlier run met is not late: Procore's current value wins.
        """
        older = [
            candidate.key
            for candidate in changed
            if (known := stored.get(candidate.key)) is not None
            and not known.is_deleted
            and order_of(known.version) > candidate.version
        ]
        if not older:
            return set()
        runs = {self._key.run_id, *run_ids_beside(transaction, self._key.run_id, self._beside)}
        written = {key for key in older if stored[key].run_id in runs}
        return written | transaction.noted(self._spec, self._sets.seen, older)
