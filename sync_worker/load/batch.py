"""The batch made of a page: rows for the records that changed, and what is recorded of their fields."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from sync_worker.catalog.spec import StreamSpec
from sync_worker.destination.protocol import Parameter, StoredRow
from sync_worker.load.comparison import Comparison
from sync_worker.load.fingerprint import Candidate, Unreadable
from sync_worker.load.row import Drift, Row, RowMaker
from sync_worker.model import Key
from sync_worker.state.journal import FieldChange


class Batch:
    """The changed rows of one page, and what is recorded with them.

    `same` are records that differ from their rows in nothing that is stored but signatures, `signed` where these are,
    `restless` in how many others a field differed although nothing says that they changed.
    """

    def __init__(self, spec: StreamSpec, run_id: str, loaded_at: str) -> None:
        self._run_id = run_id
        self._loaded_at = loaded_at
        names = list(spec.columns)
        self._tracked = [(name, names.index(name)) for name in spec.tracked]
        self._changed_at = names.index(spec.cursor_field) if spec.cursor_field in names else None
        self._nothing = (None,) * len(spec.tracked)
        self.keys: list[Key] = []
        self.rows: list[list[Parameter]] = []
        self.field_changes: list[FieldChange] = []
        self.schema_changes: set[Drift] = set()
        self.unreadable: list[Unreadable] = []
        self.elsewhere: list[Unreadable] = []
        self.same: list[Candidate] = []
        self.signed: set[str] = set()
        self.restless: Counter[str] = Counter()
        self._comparison = Comparison(spec)

    def add(
        self,
        candidate: Candidate,
        maker: RowMaker,
        stored: StoredRow | None,
        before: Sequence[Parameter] | None = None,
    ) -> None:
        """Take a record that has another hash than its row.

        `before` are the columns of the row, where nothing says that the record changed.
        """
        try:
            # Its key was read before, but this is the first time that all of it is decoded.
            row = maker.row(candidate)
        except (msgspec.DecodeError, RecursionError) as error:
            self.unreadable.append(Unreadable(f"the record cannot be read: {error}", candidate.raw, candidate.key))
            return
        if row.elsewhere is not None:
            self.elsewhere.append(Unreadable(row.elsewhere, candidate.raw, candidate.key))
            return
        if before is not None:
            difference = self._comparison.difference(row, before, is_dated=candidate.version != "")
            if not difference.fields:
                # The row stays, with its `_loaded_at`: it gets another hash, so that it is not compared again.
                self.same.append(candidate)
                self.signed |= difference.signed
                return
            self.restless.update(difference.fields)
        self.keys.append(candidate.key)
        # In the order of `columns_of(spec)`; a record that is in a list is not deleted.
        self.rows.append([*row.values, self._run_id, self._loaded_at, None, candidate.row_hash, row.extra])
        self.schema_changes.update(row.drift)
        if self._tracked:
            self._compare_tracked(candidate, row, stored)

    def _compare_tracked(self, candidate: Candidate, row: Row, stored: StoredRow | None) -> None:
        before = stored.tracked if stored is not None else self._nothing
        record_key = ":".join(map(str, candidate.key))
        changed_at = None if self._changed_at is None else row.values[self._changed_at]
        for (name, position), old in zip(self._tracked, before, strict=True):
            new = row.values[position]
            if new != old:
                self.field_changes.append(FieldChange(record_key, name, old, new, changed_at))


def newest_by_key(candidates: Iterable[Candidate]) -> dict[Key, Candidate]:
    """Return one record for each key: the latest version, and of equal versions the last seen."""
    newest: dict[Key, Candidate] = {}
    for candidate in candidates:
        known = newest.get(candidate.key)
        if known is None or candidate.version >= known.version:
            newest[candidate.key] = candidate
    return newest
