"""Finds records that are in the lists of two scopes at once.

Their row has room for one of them, and the other would be lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sync_worker.catalog.spec import StreamSpec
from sync_worker.destination.protocol import StoredRow, Transaction
from sync_worker.model import Key, Scope
from sync_worker.state.deletes import is_any_held
from sync_worker.state.ledger import ScopeKey, was_read_whole


def find_repeated(
    transaction: Transaction,
    spec: StreamSpec,
    here: ScopeKey,
    written: Iterable[Key],
    stored: Mapping[Key, StoredRow],
    under_way: Mapping[ScopeKey, int],
    *,
    follows_deletes: bool,
) -> str | None:
    """Return what is said of the first record that this run has met in another scope too, None where there is none.

    `stored` are the rows as they were before the keys `written` were; `under_way` are the sets of the keys that sweeps
    have seen so far.
    """
    for key in written:
        known = stored.get(key)
        if known is None or known.is_deleted:
            continue
        found = dict(zip(spec.scope_columns, known.scope, strict=True))
        there = Scope(*(_whole(found.get(name)) for name in Scope._fields))
        differs = next(
            (name for name in Scope._fields if name in found and found[name] != getattr(here.scope, name)), None
        )
        if differs is None:
            continue
        elsewhere = here._replace(scope=there)
        seen = under_way.get(elsewhere)
        is_repeated = (
            known.run_id == here.run_id
            or (seen is not None and bool(transaction.key_sets.intersection(spec, seen, [key])))
            or (follows_deletes and _was_seen(transaction, elsewhere))
        )
        if is_repeated:
            return (
                f"record {', '.join(map(str, key))} is also in the list of {differs} {found[differs]}: unless it moved "
                f"just now, keys repeat, and primary_key needs {differs}"
            )
    return None


def _was_seen(transaction: Transaction, elsewhere: ScopeKey) -> bool:
    """Return True if this run has seen every live row of a scope: it marks or holds those that it does not see."""
    return was_read_whole(transaction, elsewhere) and not is_any_held(transaction, elsewhere.stream, elsewhere.scope)


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) else None
