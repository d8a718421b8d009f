"""Makes the row of a record: one value for each column, and `_extra` for what the types have no room for.

A record that is in every field as the catalog declares it is decoded in one go. Any other is taken field by field,
with the same result for what fits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, NamedTuple

import msgspec

from sync_worker.catalog.spec import FieldType, StreamSpec, is_plain
from sync_worker.load.fingerprint import Candidate, attribute
from sync_worker.load.values import CONVERTERS, INT64, MISFIT, Converted, Value, date_of, instant_of, text_of

_DECLARED: Mapping[FieldType, Any] = {
    FieldType.INTEGER: INT64 | None,
    FieldType.BOOLEAN: bool | None,
    FieldType.STRING: str | None,
    FieldType.DATE: str | None,
    FieldType.DATETIME: str | None,
}


def _decimal(raw: msgspec.Raw) -> Converted:
    sent = bytes(raw)
    return None if sent == b"null" else CONVERTERS[FieldType.DECIMAL](sent)


def _nested(opening: str) -> Callable[[msgspec.Raw], Converted]:
    def refine(raw: msgspec.Raw) -> Converted:
        text = str(raw, "utf-8", "replace")
        if text[0] == opening:
            return text
        return None if text == "null" else MISFIT

    return refine


_REFINED: Mapping[FieldType, Callable[[Any], Converted]] = {
    FieldType.DATE: date_of,
    FieldType.DATETIME: instant_of,
    FieldType.DECIMAL: _decimal,
    FieldType.OBJECT: _nested("{"),
    FieldType.ARRAY: _nested("["),
}
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
        self._declared = _declared_decoder(spec)
        names = list(spec.columns)
        self._key_columns = [names.index(name) for name in spec.primary_key]
        self._scope_columns = [(names.index(name), value) for name, value in scope.items() if name in names]
        left_out = excluded & set(names) - set(spec.primary_key) - set(scope)
        self._left_out = [names.index(name) for name in left_out]
        self._refined = [
            (position, _REFINED[type_])
            for position, (name, type_) in enumerate(spec.columns.items())
            if type_ in _REFINED and name not in left_out
        ]

    def row(self, candidate: Candidate) -> Row:
        """The row of a record; every value it was sent with is in a column or in `_extra`."""
        values = None if self._declared is None else self._as_declared(candidate, self._declared)
        return self._field_by_field(candidate) if values is None else Row(values, None, [])

    def _as_declared(self, candidate: Candidate, decoder: msgspec.json.Decoder[Any]) -> list[Value] | None:
        """The values of a record that is in every field as declared; None of any other."""
        try:
            values: list[Any] = list(msgspec.structs.astuple(decoder.decode(candidate.raw)))
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None
        for position, refine in self._refined:
            sent = values[position]
            if sent is not None:
                value = values[position] = refine(sent)
                if value is MISFIT:
                    return None
        for position, part in zip(self._key_columns, candidate.key, strict=True):
            if values[position] not in (None, part):
                return None
            values[position] = part
        for position, given in self._scope_columns:
            if values[position] not in (None, given):
                return None
            values[position] = given
        for position in self._left_out:
            values[position] = None
        return values

    def _field_by_field(self, candidate: Candidate) -> Row:
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


@cache
def _declared_decoder(spec: StreamSpec) -> msgspec.json.Decoder[Any] | None:
    """Decodes a record that has the declared fields alone, each of its type or null, in the order of the columns.

    There is none for a stream with a field whose name must be escaped.
    """
    if not all(map(is_plain, spec.columns)):
        return None
    fields = [(attribute(name), _DECLARED.get(type_, msgspec.Raw), None) for name, type_ in spec.columns.items()]
    names = {attribute(name): name for name in spec.columns}
    return msgspec.json.Decoder(
        msgspec.defstruct("Declared", fields, rename=names, forbid_unknown_fields=True, gc=False)
    )


def _bare(sent: bytes) -> str | None:
    return text_of(sent) if sent.startswith(b'"') else sent.decode("utf-8", "replace")


def _json_object(members: Mapping[str, bytes]) -> str:
    inside = b",".join(msgspec.json.encode(name) + b":" + value for name, value in members.items())
    return (b"{" + inside + b"}").decode("utf-8", "replace")
