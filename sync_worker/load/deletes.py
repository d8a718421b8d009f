"""Decides which rows are deleted, in the transaction that proves a sweep complete.

Few are marked at once. Many, or all that a scope has, wait until a later run takes them for deleted as well, or until
somebody approves: a filter that Procore forgot, or a permission that it took, must not empty a table.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from typing import NamedTuple

from sync_worker.catalog.spec import StreamSpec
from sync_worker.clock import utc_text
from sync_worker.destination.protocol import Extent, Transaction
from sync_worker.model import DateRange, DeleteEvidence, Key, Scope
from sync_worker.state.deletes import (
    add_agreed,
    drop_unheld,
    hold_deletes,
    release_held,
    release_other_held,
)
from sync_worker.state.ledger import ScopeKey

# docs/guarantees.md, 5: more than both, or all that there are.
_ROWS_AT_ONCE = 10
_SHARE_AT_ONCE = 0.1
# The set of what is approved; those of sweeps have other numbers.
_APPROVED = 0


class DeleteScope(NamedTuple):
    """The rows in which a sweep can detect deletes: all, or those of some days, or of some parents.

    `parents` are ids in the stream `above`.
    """

    ground: DeleteEvidence
    days: DateRange | None = None
    parents: Sequence[int | str] | None = None
    above: StreamSpec | None = None


class SetNumbers(NamedTuple):
    """The numbers of the sets of keys that a sweep keeps.

    `seen` are alive, as were those that the `previous` sweep saw; `reported_deleted` are in the tool's own list of
    deleted records; the others follow from these.
    """

    seen: int
    previous: int
    reported_deleted: int
    parents: int
    missing: int
    confirmed: int


class Uncertainty(Enum):
    """The reason why a record that a sweep did not see may still exist."""

    NONE = "none"
    SHIFTING = "shifting"
    """The pages may have shifted while they were read; a later run can agree."""
    UNKEYED = "unkeyed"
    """A record came without a usable key, so it may be any of them; only a person can agree."""


class DeleteResult(NamedTuple):
    """The numbers of rows that were marked as deleted and that are held."""

    deleted: int = 0
    held: int = 0


def is_too_many(gone: int, live: int, *, agreed: int = 0) -> bool:
    """Return True if so many rows of a scope must not be deleted at once; those that are `agreed` on do not count."""
    fresh = gone - agreed
    return fresh > 0 and (fresh > max(_ROWS_AT_ONCE, _SHARE_AT_ONCE * live) or gone >= live)


def scope_values(spec: StreamSpec, scope: Scope) -> dict[str, int]:
    """Return the values of the scope columns in a stream's rows of one scope."""
    return {name: value for name, value in scope._asdict().items() if name in spec.scope_columns and value is not None}


def approve(transaction: Transaction, spec: StreamSpec, scope: Scope, keys: Sequence[Key], at: datetime) -> int:
    """Mark those of the keys whose deletes are still held in one scope as deleted; return the number of rows."""
    transaction.key_sets.add(spec, _APPROVED, keys)
    drop_unheld(transaction, spec.name, scope, _APPROVED)
    deleted = transaction.mark_deleted(spec, scope_values(spec, scope), _APPROVED, at=utc_text(at), run_id=None)
    release_held(transaction, spec.name, scope, _APPROVED)
    transaction.key_sets.drop(_APPROVED)
    return deleted


class DeleteDetector:
    """The deleted records in one scope of a stream; `sets` are those of its sweep."""

    def __init__(self, spec: StreamSpec, key: ScopeKey, sets: SetNumbers) -> None:
        self._spec = spec
        self._key = key
        self._scope = scope_values(spec, key.scope)
        self._sets = sets

    def missing(self, transaction: Transaction, among: DeleteScope) -> int:
        """Return how many rows would be taken for deleted."""
        found = self._add_missing(transaction, among)
        transaction.key_sets.drop(self._sets.parents, self._sets.missing)
        return found

    def release_seen(self, transaction: Transaction) -> None:
        """Release held deletes of records that the sweep saw, whatever it proved."""
        release_held(transaction, self._key.stream, self._key.scope, self._sets.seen)

    def detect_deletes(
        self, transaction: Transaction, among: DeleteScope, at: datetime, doubt: Uncertainty
    ) -> DeleteResult:
        """Mark missing rows as deleted, or hold them if they are too many or their absence is uncertain."""
        stream, scope, sets = self._key.stream, self._key.scope, self._sets
        gone = self._add_missing(transaction, among)
        # Only a list of all rows says that the others are not missing any more.
        if among.ground is DeleteEvidence.LISTING and among.days is None and among.parents is None:
            release_other_held(transaction, stream, scope, sets.missing)
        if not gone:
            return DeleteResult()
        agreed = 0
        if doubt is not Uncertainty.UNKEYED:
            agreed = add_agreed(transaction, self._key, among.ground, gone=sets.missing, agreed=sets.confirmed)
        deleted = self._mark_deleted(transaction, sets.confirmed, at) if agreed else 0
        # As many as there were before this transaction marked any.
        live = transaction.live_count(stream, self._scope) + deleted
        if doubt is Uncertainty.NONE and not is_too_many(gone, live, agreed=agreed):
            return DeleteResult(deleted + self._mark_deleted(transaction, sets.missing, at))
        hold_deletes(transaction, self._key, among.ground, sets.missing)
        return DeleteResult(deleted, gone - agreed)

    def is_repeated(self, transaction: Transaction) -> bool:
        """Return True if the sweep saw exactly the keys of the previous one: then no record slipped between pages."""
        return transaction.key_sets.is_same(self._sets.previous, self._sets.seen)

    def _add_missing(self, transaction: Transaction, among: DeleteScope) -> int:
        extent = self._extent(transaction, among)
        sets = self._sets
        reported = sets.reported_deleted if among.ground is DeleteEvidence.SIGNAL else None
        return transaction.key_sets.add_missing(self._spec, extent, sets.missing, seen=sets.seen, reported=reported)

    def _extent(self, transaction: Transaction, among: DeleteScope) -> Extent:
        parent, window = self._spec.parent, self._spec.date_window
        if among.days is not None and window is not None:
            days = (window.field, among.days.start_on.isoformat(), among.days.end_on.isoformat())
            return Extent(self._scope, days=days)
        if among.parents is not None and among.above is not None and parent is not None:
            transaction.key_sets.add_values(self._spec, parent.param, self._sets.parents, among.parents)
            # Records go with their parent: a deleted parent has no list of them that could be read.
            transaction.key_sets.add_deleted(among.above, parent.key, self._scope, self._sets.parents)
            return Extent(self._scope, parents=(parent.param, self._sets.parents))
        return Extent(self._scope)

    def _mark_deleted(self, transaction: Transaction, key_set: int, at: datetime) -> int:
        deleted = transaction.mark_deleted(self._spec, self._scope, key_set, at=utc_text(at), run_id=self._key.run_id)
        release_held(transaction, self._key.stream, self._key.scope, key_set)
        return deleted
