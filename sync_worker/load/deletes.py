"""Settles which rows are deleted, in the transaction that proves a sweep complete.

Few are marked at once. Many, or all that a scope has, wait until a later run takes them for deleted as well, or until
somebody approves: a filter that Procore forgot, or a permission that it took, must not empty a table.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from typing import NamedTuple

from sync_worker.catalog.spec import StreamSpec
from sync_worker.destination.protocol import Extent, Transaction
from sync_worker.model import DateRange, DeleteEvidence, Key, Scope
from sync_worker.state.deletes import (
    forget_unheld,
    hold_deletes,
    is_same,
    note_agreed,
    release_held,
    release_other_held,
)
from sync_worker.state.instants import to_text
from sync_worker.state.ledger import Beside, ScopeKey, run_ids_beside

_ROWS_AT_ONCE = 10
_SHARE_AT_ONCE = 0.1
# The set of what is approved; those of sweeps have other numbers.
_APPROVED = 0


class DeleteScope(NamedTuple):
    """What a sweep has read all of, or been told of: `parents` by id and the stream they are of, or days, or all."""

    ground: DeleteEvidence
    days: DateRange | None = None
    parents: Sequence[int | str] | None = None
    above: StreamSpec | None = None


class KeySets(NamedTuple):
    """The numbers of the sets of keys that a sweep keeps.

    `seen` are alive, as were those seen by the sweep `before`; `told` are said to be deleted; the others follow from
    these.
    """

    seen: int
    before: int
    told: int
    parents: int
    gone: int
    agreed: int


class Uncertainty(Enum):
    """Why what a sweep did not see may be there all the same."""

    NONE = "none"
    SHIFTING = "shifting"
    """The pages may have shifted while they were read; a later run can agree."""
    UNKEYED = "unkeyed"
    """A record could not be told by its key, so it may be any of them; only a person can agree."""


class DeleteResult(NamedTuple):
    """How many rows were marked as deleted, and how many are held."""

    deleted: int = 0
    held: int = 0


def is_too_many(gone: int, live: int, *, agreed: int = 0) -> bool:
    """Whether so many rows of a scope must not go at once; those that are `agreed` on do not count."""
    fresh = gone - agreed
    return fresh > 0 and (fresh > max(_ROWS_AT_ONCE, _SHARE_AT_ONCE * live) or gone >= live)


def scope_values(spec: StreamSpec, scope: Scope) -> dict[str, int]:
    """What the scope columns of a stream's rows hold in one scope."""
    return {name: value for name, value in scope._asdict().items() if name in spec.scope_columns and value is not None}


def approve(transaction: Transaction, spec: StreamSpec, scope: Scope, keys: Sequence[Key], at: datetime) -> int:
    """Mark those of the keys that wait in one scope still as deleted, and no other; how many rows these are."""
    transaction.add_keys(spec, _APPROVED, keys)
    forget_unheld(transaction, spec.name, scope, _APPROVED)
    deleted = transaction.mark_deleted(spec, scope_values(spec, scope), _APPROVED, at=to_text(at), run_id=None)
    release_held(transaction, spec.name, scope, _APPROVED)
    transaction.drop_keys(_APPROVED)
    return deleted


class DeleteDetector:
    """Who is gone in one scope of a stream; `sets` are its sweep's.

    What runs `beside` this one wrote meanwhile is never taken for gone: it may be newer than the pages read here.
    """

    def __init__(self, spec: StreamSpec, key: ScopeKey, sets: KeySets, beside: Beside) -> None:
        self._beside = beside
        self._spec = spec
        self._key = key
        self._scope = scope_values(spec, key.scope)
        self._sets = sets

    def missing(self, transaction: Transaction, covered: DeleteScope) -> int:
        """How many rows would be taken for deleted."""
        found = self._note_gone(transaction, covered)
        transaction.drop_keys(self._sets.parents, self._sets.gone)
        return found

    def release_seen(self, transaction: Transaction) -> None:
        """What was seen alive does not wait to be deleted, whatever the sweep proved."""
        release_held(transaction, self._key.stream, self._key.scope, self._sets.seen)

    def settle(self, transaction: Transaction, covered: DeleteScope, at: datetime, doubt: Uncertainty) -> DeleteResult:
        """Mark what is gone, or hold it."""
        stream, scope, sets = self._key.stream, self._key.scope, self._sets
        gone = self._note_gone(transaction, covered)
        if covered.ground is DeleteEvidence.LISTING and covered.days is None and covered.parents is None:
            release_other_held(transaction, stream, scope, sets.gone)
        if not gone:
            return DeleteResult()
        agreed = 0
        if doubt is not Uncertainty.UNKEYED:
            agreed = note_agreed(transaction, self._key, covered.ground, gone=sets.gone, agreed=sets.agreed)
        deleted = self._bury(transaction, sets.agreed, at) if agreed else 0
        live = transaction.live_count(stream, self._scope) + deleted
        if doubt is Uncertainty.NONE and not is_too_many(gone, live, agreed=agreed):
            return DeleteResult(deleted + self._bury(transaction, sets.gone, at))
        hold_deletes(transaction, self._key, covered.ground, sets.gone, at)
        return DeleteResult(deleted, gone - agreed)

    def is_repeated(self, transaction: Transaction) -> bool:
        """Whether the sweep saw just those that the one before it saw: then nobody slipped between their pages."""
        return is_same(transaction, self._sets.before, self._sets.seen)

    def _note_gone(self, transaction: Transaction, covered: DeleteScope) -> int:
        extent = self._extent(transaction, covered)
        among = self._sets.told if covered.ground is DeleteEvidence.SIGNAL else None
        gone = transaction.add_missing_rows(self._spec, extent, self._sets.gone, unseen_by=self._sets.seen, among=among)
        beside = run_ids_beside(transaction, self._key.run_id, self._beside) if gone else []
        return gone - (transaction.discard_written_by(self._spec, self._sets.gone, beside) if beside else 0)

    def _extent(self, transaction: Transaction, covered: DeleteScope) -> Extent:
        parent, window = self._spec.parent, self._spec.date_window
        if covered.days is not None and window is not None:
            days = (window.field, covered.days.start_on.isoformat(), covered.days.end_on.isoformat())
            return Extent(self._scope, days=days)
        if covered.parents is not None and covered.above is not None and parent is not None:
            transaction.note_values(self._spec, parent.param, self._sets.parents, covered.parents)
            # What hung on a parent went with it; its list is not there to be read.
            transaction.note_deleted(covered.above, parent.key, self._scope, self._sets.parents)
            return Extent(self._scope, parents=(parent.param, self._sets.parents))
        return Extent(self._scope)

    def _bury(self, transaction: Transaction, noted: int, at: datetime) -> int:
        deleted = transaction.mark_deleted(self._spec, self._scope, noted, at=to_text(at), run_id=self._key.run_id)
        release_held(transaction, self._key.stream, self._key.scope, noted)
        return deleted
