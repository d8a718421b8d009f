"""Stores one page of a list: the rows of records that changed, and what was noticed of all of them.

A page is identified on the thread that fetched it, and stored on the writer's in one transaction. Nothing of it is kept
after that; the keys seen are in the destination's sets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple

import msgspec

from sync_worker.catalog.spec import DeletedAmongLive, StreamSpec
from sync_worker.clock import utc_text
from sync_worker.destination.protocol import Parameter, StoredRow, Transaction
from sync_worker.load.arrivals import PagingTime
from sync_worker.load.batch import Batch, newest_by_key
from sync_worker.load.fingerprint import Candidate, Fingerprint, Unreadable
from sync_worker.load.proof import Proof
from sync_worker.load.repeated_keys import find_repeated
from sync_worker.load.row import RowMaker
from sync_worker.load.split import holds_endless_number
from sync_worker.load.values import order_of
from sync_worker.model import Key, Page, Verdict
from sync_worker.state.journal import quarantine_records, record_field_changes, record_schema_changes
from sync_worker.state.ledger import PageCounts, ScopeKey, record_page
from sync_worker.state.volatile import learn_volatile_paths, read_volatile_paths, rehash_parents

_ENDLESS = Proof(Verdict.FAILED, "bad payload: a record holds a number beyond any range, such as 1e400")


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


class IdentifiedPage(NamedTuple):
    """A page whose records are identified; `paging` is None for the first page of a list.

    With `only_known`, records without a row are not stored.
    """

    records: Sequence[Candidate | Unreadable]
    tools: RecordTools
    seen_at: datetime
    paging: PagingTime | None
    only_known: bool


class PageResult(NamedTuple):
    """The counts of a stored page: rows written, records quarantined, and rows that appeared after the first page.

    `restless` counts by field the records in which it differed although nothing says that they changed. `bad` is why
    the page cannot be believed, `in_two_lists` which record of it is in the list of another scope too.
    """

    rows: int = 0
    quarantined: int = 0
    appeared: int = 0
    restless: Mapping[str, int] = MappingProxyType({})
    bad: Proof | None = None
    in_two_lists: str | None = None


class PageWriter:
    """Stores the pages of one (stream, scope); `seen_sets` are those of all sweeps of its run."""

    def __init__(
        self,
        spec: StreamSpec,
        key: ScopeKey,
        seen_sets: dict[ScopeKey, int],
        excluded: frozenset[str] = frozenset(),
        *,
        follows_deletes: bool = True,
    ) -> None:
        self.spec = spec
        self.key = key
        self.seen_sets = seen_sets
        self._excluded = excluded
        self._follows_deletes = follows_deletes
        self._is_mixed = isinstance(spec.deletes, DeletedAmongLive)
        self._learned: frozenset[str] = frozenset()
        self._made: tuple[object, RecordTools] | None = None

    def read_learned(self, transaction: Transaction) -> None:
        """Read where the signed URLs of the stream's records are."""
        self._learned = read_volatile_paths(transaction, self.spec.name)

    def identify(
        self, page: Page, parent_id: int | str | None, seen_at: datetime, paging: PagingTime | None, only_known: bool
    ) -> IdentifiedPage:
        """Return a page with the key and the hash of each record."""
        tools = self._tools(parent_id)
        records = [tools.fingerprint.identify(raw) for raw in page.records]
        return IdentifiedPage(records, tools, seen_at, paging, only_known)

    def reported_deleted(self, page: Page) -> list[Key]:
        """Return the keys of the records on a page of the tool's own list of deleted records."""
        tools = self._tools(None)
        names = [raw for raw in page.records if not self._is_mixed or _is_marked(raw)]
        identified = [tools.fingerprint.identify(raw) for raw in names if tools.rows.belongs_here(raw)]
        return [record.key for record in identified if isinstance(record, Candidate)]

    def store(self, transaction: Transaction, page: IdentifiedPage, seen_set: int) -> PageResult:
        """Store the changed records of a page with their counts, and add its keys to the set of those seen."""
        unreadable = [record for record in page.records if isinstance(record, Unreadable)]
        # A page that has one record twice is stored with its latest version, and counted as sent.
        newest = newest_by_key(record for record in page.records if isinstance(record, Candidate))
        # First, by the hash alone: in most runs nearly every record ends here.
        unchanged = transaction.unchanged(self.spec, {key: found.row_hash for key, found in newest.items()})
        changed = [candidate for key, candidate in newest.items() if key not in unchanged]
        # Only in changed records: to search every page would take half as long as reading it.
        if any(holds_endless_number(candidate.raw) for candidate in changed):
            return PageResult(bad=_ENDLESS)

        stored = transaction.stored(self.spec, [candidate.key for candidate in changed]) if changed else {}
        changed = [candidate for candidate in changed if not page.only_known or candidate.key in stored]
        late = self._late(transaction, changed, stored, seen_set)
        in_time = [candidate for candidate in changed if candidate.key not in late]
        batch = self._batch(transaction, in_time, stored, page)
        bad: Proof | None = None
        if batch.elsewhere:
            reason = batch.elsewhere[0].reason
            if not (batch.keys or batch.same or unchanged or late):
                # No record of the page belongs here, so none of it is stored, not even as quarantined.
                return PageResult(bad=Proof(Verdict.FAILED, f"bad payload: the answer is of another list: {reason}"))
            bad = Proof(Verdict.INEXACT, f"{reason}; it is quarantined, see _quarantine")
        in_two_lists = find_repeated(
            transaction,
            self.spec,
            self.key,
            batch.keys,
            stored,
            self.seen_sets,
            follows_deletes=self._follows_deletes,
        )

        # A record that cannot be stored exists nevertheless: its row is not deleted.
        seen = [*newest, *(record.key for record in unreadable if record.key is not None)]
        distinct_keys = transaction.key_sets.add(self.spec, seen_set, seen)
        # Without a key nobody can say that it came twice.
        distinct_keys += sum(record.key is None for record in unreadable)
        transaction.merge(self.spec, batch.rows)
        if batch.same:
            self._keep_rows(transaction, batch, stored, page.tools)

        record_field_changes(transaction, self.key, batch.field_changes, page.seen_at)
        record_schema_changes(transaction, self.key, batch.schema_changes, page.seen_at)
        not_stored = unreadable + batch.unreadable + batch.elsewhere
        quarantined = [(record.reason, bytes(record.raw).decode("utf-8", "replace")) for record in not_stored]
        quarantine_records(transaction, self.key, quarantined, page.seen_at)
        updated = sum(key in stored for key in batch.keys)
        inserted = len(batch.keys) - updated
        record_page(transaction, self.key, PageCounts(len(page.records), distinct_keys, inserted, updated))
        written = [newest[key] for key in batch.keys]
        appeared = page.paging.count_arrivals(written, stored, page.tools.scope) if page.paging else 0
        return PageResult(len(batch.rows), len(not_stored), appeared, batch.restless, bad, in_two_lists)

    def _tools(self, parent_id: int | str | None) -> RecordTools:
        """Return the tools for a parent's list; kept until the next list, as each is read to its end first."""
        made_for = (parent_id, self._learned)
        if self._made is None or self._made[0] != made_for:
            scope = self._scope_values(parent_id)
            fingerprint = Fingerprint(self.spec, scope, self._excluded, self._learned)
            self._made = (made_for, RecordTools(scope, fingerprint, RowMaker(self.spec, scope, self._excluded)))
        return self._made[1]

    def _scope_values(self, parent_id: int | str | None) -> Mapping[str, int | str]:
        values: dict[str, int | str | None] = dict(self.key.scope._asdict())
        if self.spec.parent is not None:
            values[self.spec.parent.param] = parent_id
        return {name: value for name in self.spec.scope_columns if (value := values[name]) is not None}

    def _batch(
        self,
        transaction: Transaction,
        changed: Sequence[Candidate],
        stored: Mapping[Key, StoredRow],
        page: IdentifiedPage,
    ) -> Batch:
        before = self._rows_to_compare(transaction, changed, stored)
        batch = Batch(self.spec, self.key.run_id, utc_text(page.seen_at))
        for candidate in changed:
            batch.add(candidate, page.tools.rows, stored.get(candidate.key), before.get(candidate.key))
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
        return transaction.rows(self.spec, keys) if keys else {}

    def _keep_rows(
        self,
        transaction: Transaction,
        batch: Batch,
        stored: Mapping[Key, StoredRow],
        tools: RecordTools,
    ) -> None:
        """Learn why records seemed to differ from their rows, and give the rows the hash that they have now."""
        paths = batch.signed - set(self.spec.volatile)
        self._learned = learn_volatile_paths(transaction, self.spec.name, paths)
        # `tools` has the paths as they were before.
        fingerprint = Fingerprint(self.spec, tools.scope, self._excluded, self._learned)
        hashes = {candidate.key: fingerprint.hash_of(candidate.raw) for candidate in batch.same}
        transaction.rehash(self.spec, hashes)
        # Or every nested list would be read again, because its parent seems to have changed.
        rehash_parents(transaction, {stored[key].row_hash: row_hash for key, row_hash in hashes.items()})

    def _late(
        self,
        transaction: Transaction,
        changed: Sequence[Candidate],
        stored: Mapping[Key, StoredRow],
        seen_set: int,
    ) -> set[Key]:
        """Return keys whose record is older than one that this run has met: its page arrived late.

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
        written = {key for key in older if stored[key].run_id == self.key.run_id}
        return written | transaction.key_sets.intersection(self.spec, seen_set, older)
