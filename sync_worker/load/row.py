"""Makes the row of a record: one value for each column, and `_extra` for what the types have no room for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from sync_worker.catalog.spec import StreamSpec
from sync_worker.load.fingerprint import Candidate
from sync_worker.load.values import CONVERTERS, MISFIT, Value, text_of

_fields_of = msgspec.json.Decoder(dict[str, msgspec.Raw])


class Drift(NamedTuple):
    """A field that appeared (`new_field`) or no longer fits its type (`type_changed`)."""

    field: str
    kind: str


class Row(NamedTuple):
    """The values of a table's data columns in order, and `_extra` as JSON text."""

    values: list[Value]
    extra: str | None
    drift: list[Drift]


class RowMaker:
    """Types the records of one stream in one scope."""

    def __init__(
        self, spec: StreamSpec, scope: Mapping[str, int | str], excluded: frozenset[str] = frozenset()
    ) -> None:
        self._scope = scope
        self._excluded = excluded
        self._key_position = {name: position for position, name in enumerate(spec.primary_key)}
        self._columns = [(name, CONVERTERS[type_]) for name, type_ in spec.columns.items()]

    def row(self, candidate: Candidate) -> Row:
        """The row of a record; every value it was sent with is in a column or in `_extra`."""
        sent = _fields_of.decode(candidate.raw)
        values: list[Value] = []
        extra: dict[str, bytes] = {}
        drift: list[Drift] = []
        for name, convert in self._columns:
            if name in self._key_position or name in self._scope:
                values.append(self._given(name, candidate, sent, extra))
                continue
            raw = sent.pop(name, None)
            if raw is None or name in self._excluded:
                values.append(None)
                continue
            text = bytes(raw)
            value = None if text == b"null" else convert(text)
            if value is MISFIT:
                extra[name] = text
                drift.append(Drift(name, "type_changed"))
                value = None
            values.append(value)
        for name, raw in sent.items():
            if name not in self._excluded:
                extra[name] = bytes(raw)
                drift.append(Drift(name, "new_field"))
        return Row(values, _json_object(extra) if extra else None, drift)

    def _given(
        self, name: str, candidate: Candidate, sent: dict[str, msgspec.Raw], extra: dict[str, bytes]
    ) -> int | str:
        """A column whose value is known before the record is read: part of its key, or where it was read."""
        position = self._key_position.get(name)
        value = self._scope[name] if position is None else candidate.key[position]
        raw = sent.pop(name, None)
        if raw is not None and bytes(raw) != b"null" and _bare(bytes(raw)) != str(value):
            extra[name] = bytes(raw)
        return value


def _bare(sent: bytes) -> str | None:
    return text_of(sent) if sent.startswith(b'"') else sent.decode("utf-8", "replace")


def _json_object(members: Mapping[str, bytes]) -> str:
    inside = b",".join(msgspec.json.encode(name) + b":" + value for name, value in members.items())
    return (b"{" + inside + b"}").decode("utf-8", "replace")
