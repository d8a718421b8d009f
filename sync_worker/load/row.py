"""Makes the row of a record: one value for each column, and `_extra` for what the types have no room for.

A record that is in every field as the catalog declares it is decoded in one go. Any other is taken field by field,
with the same result for what fits. Text columns that were sent a number or a boolean are remembered, so that a list
that sends them in every record is decoded in one go as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, NamedTuple

import msgspec

from sync_worker.catalog.spec import FieldType, StreamSpec, is_plain
from sync_worker.load.belonging import Belonging
from sync_worker.load.fingerprint import Candidate, attribute
from sync_worker.load.values import (
    CONVERTERS,
    INT64,
    MISFIT,
    Converted,
    Value,
    date_of,
    instant_of,
    literal_of,
    text_of,
)
from sync_worker.model import Key

# Days and instants come as texts in more forms than msgspec takes. All other types stay undecoded, because their digits
# and nested JSON are stored as they were sent.
_DECLARED: Mapping[FieldType, Any] = {
    FieldType.INTEGER: INT64 | None,
    FieldType.BOOLEAN: bool | None,
    FieldType.STRING: str | None,
    FieldType.DATE: str | None,
    FieldType.DATETIME: str | None,
}


def _raw(convert: Callable[[bytes], Converted]) -> Callable[[msgspec.Raw], Converted]:
    def refine(raw: msgspec.Raw) -> Converted:
        sent = bytes(raw)
        return None if sent == b"null" else convert(sent)

    return refine


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
    FieldType.DECIMAL: _raw(CONVERTERS[FieldType.DECIMAL]),
    FieldType.OBJECT: _nested("{"),
    FieldType.ARRAY: _nested("["),
}
_literal = _raw(literal_of)
_fields_of = msgspec.json.Decoder(dict[str, msgspec.Raw])


class Drift(NamedTuple):
    """A field that appeared (`new_field`) or no longer fits its type (`type_changed`)."""

    field: str
    kind: str


class Row(NamedTuple):
    """The values of a table's data columns in order, and `_extra` as JSON text.

    `elsewhere` is the reason why it must not be stored: the record names another scope.
    """

    values: list[Value]
    extra: str | None
    drift: list[Drift]
    elsewhere: str | None = None


class RowMaker:
    """Types the records of one stream in one scope."""

    def __init__(
        self, spec: StreamSpec, scope: Mapping[str, int | str], excluded: frozenset[str] = frozenset()
    ) -> None:
        self._spec = spec
        self._scope = scope
        self._excluded = excluded
        self._key_position = {name: position for position, name in enumerate(spec.primary_key)}
        self._columns = [(name, CONVERTERS[type_]) for name, type_ in spec.columns.items()]
        self._belonging = Belonging(spec, scope)
        self._texts = {name for name, type_ in spec.columns.items() if type_ is FieldType.STRING}
        names = list(spec.columns)
        self._key_columns = [names.index(name) for name in spec.primary_key]
        self._scope_columns = [(names.index(name), value) for name, value in scope.items() if name in names]
        left_out = excluded & set(names) - set(spec.primary_key) - set(scope)
        self._left_out = [names.index(name) for name in left_out]
        self._undecoded = frozenset(left_out)
        self._declared = _declared_decoder(spec, self._undecoded)
        self._refined = [
            (position, _REFINED[type_])
            for position, (name, type_) in enumerate(spec.columns.items())
            if type_ in _REFINED and name not in left_out
        ]
        self._references = [
            (names.index(naming.field), naming)
            for naming in self._belonging.namings
            if spec.fields.get(naming.field) is FieldType.OBJECT
        ]

    def row(self, candidate: Candidate) -> Row:
        """Return the row of a record; every value that was sent is in a column or in `_extra`."""
        values = None if self._declared is None else self._as_declared(candidate, self._declared)
        return self._field_by_field(candidate) if values is None else Row(values, None, [])

    def belongs_here(self, raw: msgspec.Raw) -> bool:
        """Return False for a record that names another scope."""
        try:
            return self._belonging.elsewhere(_fields_of.decode(raw)) is None
        except (msgspec.DecodeError, RecursionError):
            return True

    def _expect_literals(self, names: set[str]) -> None:
        """Decode the next record that has numbers or booleans in these text columns in one go."""
        self._undecoded |= names
        self._declared = _declared_decoder(self._spec, self._undecoded)
        self._refined += [(place, _literal) for place, name in enumerate(self._spec.columns) if name in names]

    def _as_declared(self, candidate: Candidate, decoder: msgspec.json.Decoder[Any]) -> list[Value] | None:
        """Return the values of a record whose fields are all as declared; None for any other."""
        try:
            values: list[Any] = list(msgspec.structs.astuple(decoder.decode(candidate.raw)))
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None
        if self._references and any(
            values[place] is not None and naming.contradicts(values[place]) for place, naming in self._references
        ):
            return None
        for position, refine in self._refined:
            sent = values[position]
            if sent is not None:
                value = values[position] = refine(sent)
                if value is MISFIT:
                    return None
        return values if self._places(values, candidate.key) else None

    def _places(self, values: list[Any], key: Key) -> bool:
        """Put the columns whose value is known beforehand in their place; false where the record says otherwise."""
        for position, part in zip(self._key_columns, key, strict=True):
            if values[position] not in (None, part):
                return False
            values[position] = part
        for position, given in self._scope_columns:
            if values[position] not in (None, given):
                return False
            values[position] = given
        for position in self._left_out:
            values[position] = None
        return True

    def _field_by_field(self, candidate: Candidate) -> Row:
        sent = _fields_of.decode(candidate.raw)
        elsewhere = self._belonging.elsewhere(sent)
        values: list[Value] = []
        extra: dict[str, bytes] = {}
        drift: list[Drift] = []
        literals: set[str] = set()
        for name, convert in self._columns:
            if name in self._key_position or name in self._scope:
                values.append(self._given(name, candidate, sent, extra))
                continue
            raw = sent.pop(name, None)
            # Not in `_extra` either: an excluded field is stored nowhere.
            if raw is None or name in self._excluded:
                values.append(None)
                continue
            text = bytes(raw)
            value = None if text == b"null" else convert(text)
            if value is MISFIT:
                extra[name] = text
                drift.append(Drift(name, "type_changed"))
                value = None
            elif value is not None and name in self._texts and not text.startswith(b'"'):
                # Stored as it was written, and yet another type than declared.
                literals.add(name)
                drift.append(Drift(name, "type_changed"))
            values.append(value)
        if unexpected := literals - self._undecoded:
            self._expect_literals(unexpected)
        for name, raw in sent.items():
            if name not in self._excluded:
                extra[name] = bytes(raw)
                drift.append(Drift(name, "new_field"))
        return Row(values, _json_object(extra) if extra else None, drift, elsewhere)

    def _given(
        self, name: str, candidate: Candidate, sent: dict[str, msgspec.Raw], extra: dict[str, bytes]
    ) -> int | str:
        """Return the value of a key or scope column; another value that the record sent for it goes into `extra`."""
        position = self._key_position.get(name)
        value = self._scope[name] if position is None else candidate.key[position]
        raw = sent.pop(name, None)
        if raw is not None and bytes(raw) != b"null" and _bare(bytes(raw)) != str(value):
            extra[name] = bytes(raw)
        return value


@cache
def _declared_decoder(spec: StreamSpec, literals: frozenset[str]) -> msgspec.json.Decoder[Any] | None:
    """Return a decoder of records that have only declared fields, each of its type or null, in column order.

    `literals` are left undecoded. Returns None for a stream with a field whose name must be escaped.
    """
    if not all(map(is_plain, spec.columns)):
        return None
    fields = [
        (attribute(name), msgspec.Raw if name in literals else _DECLARED.get(type_, msgspec.Raw), None)
        for name, type_ in spec.columns.items()
    ]
    names = {attribute(name): name for name in spec.columns}
    # A new field is drift, which only the slower way records. Texts, numbers and bytes form no cycle: the garbage
    # collector need not track one object for each record.
    return msgspec.json.Decoder(
        msgspec.defstruct("Declared", fields, rename=names, forbid_unknown_fields=True, gc=False)
    )


def _bare(sent: bytes) -> str | None:
    return text_of(sent) if sent.startswith(b'"') else sent.decode("utf-8", "replace")


def _json_object(members: Mapping[str, bytes]) -> str:
    inside = b",".join(msgspec.json.encode(name) + b":" + value for name, value in members.items())
    return (b"{" + inside + b"}").decode("utf-8", "replace")
