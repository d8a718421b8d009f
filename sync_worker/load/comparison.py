"""Compares a record with the row that is stored of it, where their hashes differ and nothing says that it changed.

What differs may be signatures in URLs, the order of its fields, or a field that is not stored: then the row stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from sync_worker.catalog.spec import FieldType, StreamSpec
from sync_worker.destination.protocol import Parameter
from sync_worker.load.row import Row
from sync_worker.load.signed_urls import without_signatures

_NESTED = {FieldType.OBJECT, FieldType.ARRAY}
_AMBIGUOUS = frozenset(".*[]")
"""A path cannot name a field with one of these characters in its name."""


class _Number(str):
    """A fraction as it was written, which is no text."""

    __slots__ = ()


_exact = msgspec.json.Decoder(float_hook=_Number)


class Difference(NamedTuple):
    """The difference between a record and its row: `fields` by their values, `signed` paths only by signatures."""

    fields: frozenset[str]
    signed: frozenset[str]


class Comparison:
    """Compares records of one stream with their rows."""

    def __init__(self, spec: StreamSpec) -> None:
        self._columns = list(spec.columns.items())
        self._volatile = frozenset(spec.volatile)

    def difference(self, row: Row, stored: Sequence[Parameter], *, is_dated: bool) -> Difference:
        """Return how a row differs from the `stored` values of its columns and `_extra`."""
        walk = _Walk(self._volatile, is_dated)
        *before, extra = stored
        # As texts first: only what differs is decoded.
        for (name, type_), old, new in zip(self._columns, before, row.values, strict=True):
            if old != new and name not in self._volatile:
                walk.column(name, type_, old, new)
        if extra != row.extra:
            walk.members(_members(extra), _members(row.extra))
        return Difference(frozenset(walk.fields), frozenset(walk.signed))


class _Walk:
    """Goes through two records side by side and collects where they differ."""

    def __init__(self, ignored: frozenset[str], is_dated: bool) -> None:
        self._ignored = ignored
        self._is_dated = is_dated
        self.fields: set[str] = set()
        self.signed: set[str] = set()

    def column(self, name: str, type_: FieldType, old: Parameter, new: Parameter) -> None:
        if not (isinstance(old, str) and isinstance(new, str)):
            self.fields.add(name)
        elif type_ in _NESTED:
            self.members({name: _decoded(old)}, {name: _decoded(new)})
        elif type_ is not FieldType.STRING or not self._is_same_text(_below(None, name), old, new):
            self.fields.add(name)

    def members(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
        """Compare fields by name."""
        self.fields |= old.keys() ^ new.keys()
        for name in old.keys() & new.keys():
            if not self._is_same(_below(None, name), old[name], new[name]):
                self.fields.add(name)

    def _is_same(self, path: str | None, old: Any, new: Any) -> bool:
        if path in self._ignored:
            return True
        # 1 and true are equal to Python.
        if type(old) is not type(new):
            return False
        if isinstance(old, dict):
            return old.keys() == new.keys() and self._are_same(
                (path and _below(path, name), old[name], new[name]) for name in old
            )
        if isinstance(old, list):
            pairs = zip(old, new, strict=False)
            return len(old) == len(new) and self._are_same((path and f"{path}[*]", *pair) for pair in pairs)
        return bool(old == new) or (type(old) is str and self._is_same_text(path, old, new))

    def _are_same(self, parts: Iterable[tuple[str | None, Any, Any]]) -> bool:
        return all(self._is_same(*part) for part in parts)

    def _is_same_text(self, path: str | None, old: str, new: str) -> bool:
        if without_signatures(old, is_dated=self._is_dated) != without_signatures(new, is_dated=self._is_dated):
            return False
        if path is not None:
            self.signed.add(path)
        return True


def _below(path: str | None, name: str) -> str | None:
    if not _AMBIGUOUS.isdisjoint(name):
        return None
    return name if path is None else f"{path}.{name}"


def _members(extra: Parameter) -> Mapping[str, Any]:
    found = _decoded(extra) if isinstance(extra, str) else {}
    return found if isinstance(found, dict) else {}


def _decoded(text: str) -> Any:
    try:
        return _exact.decode(text)
    except (msgspec.DecodeError, RecursionError, ValueError):
        return _Number(text)
