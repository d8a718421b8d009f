"""Reads of an undecoded record only what identifies it: its key, its version, and a hash of its content.

The hash covers the record as sent, the scope it was read in and the form of its table; fields that are not stored and
volatile paths (signed URLs that change at every read) are blanked first. A record whose hash is stored already is not
looked at any further.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, NamedTuple

import msgspec

from sync_worker.catalog.spec import FieldType, StreamSpec
from sync_worker.load.signed_urls import cut_signatures, steps_of
from sync_worker.load.values import CONVERTERS, INT64, order_of, text_of
from sync_worker.model import Key

# 128 bits: two contents of one record never have the same hash by chance.
_HASH_BYTES = 16
_ABSENT = msgspec.Raw(b"")
# Only hashed: a fraction that Procore writes with other digits is a change.
_exact = msgspec.json.Decoder(float_hook=str)


class Candidate(NamedTuple):
    """A record on its way: what identifies it, and the record itself, still undecoded."""

    key: Key
    row_hash: str
    raw: msgspec.Raw
    read_version: Callable[[msgspec.Raw], str]

    @property
    def version(self) -> str:
        """The record's `updated_at` in a form that sorts; empty where it has none. Read only when asked for."""
        return self.read_version(self.raw)


class Unreadable(NamedTuple):
    """A record that cannot be stored, and why; its key, if that much could be read."""

    reason: str
    raw: msgspec.Raw
    key: Key | None = None


class Fingerprint:
    """Identifies the records of one stream in one scope; `scope` holds the values of the scope columns.

    `excluded` fields are in the hash by name: a field that is wanted again must be written again. Of URLs at `learned`
    paths the signatures are left out.
    """

    def __init__(
        self,
        spec: StreamSpec,
        scope: Mapping[str, int | str],
        excluded: frozenset[str] = frozenset(),
        learned: frozenset[str] = frozenset(),
    ) -> None:
        self._scope = scope
        self._key = [(name, spec.columns[name]) for name in spec.primary_key]
        self._row_key = spec.row_key
        self._cursor = spec.cursor_field
        self._head = _head_decoder(spec)
        self._whole_numbers = _whole_number_decoder(spec, tuple(name for name in spec.primary_key if name in scope))
        self._key_in_scope = tuple(scope[name] for name in spec.primary_key if name in scope)
        form = "|".join(f"{name}:{type_}" for name, type_ in spec.columns.items())
        self._seed = hashlib.sha256(f"{form}\n{sorted(scope.items())}\n{sorted(excluded)}\n".encode())
        self._content = _content(spec, excluded - set(spec.primary_key), learned)

    def identify(self, raw: msgspec.Raw) -> Candidate | Unreadable:
        """Identify `raw` by key, version and hash, or return why it cannot be stored."""
        key: Key | None = None
        try:
            key = self._key_of(raw)
            if key is None:
                return Unreadable("the record has no usable key", raw)
            row_hash = self.hash_of(raw)
        except (msgspec.DecodeError, RecursionError) as error:
            return Unreadable(f"the record cannot be read: {error}", raw, key)
        return Candidate(key, row_hash, raw, self._version_of)

    def hash_of(self, raw: msgspec.Raw) -> str:
        """Return the hash of a record; raises what decoding it raises."""
        digest = self._seed.copy()
        digest.update(self._content(raw))
        return digest.hexdigest()[: 2 * _HASH_BYTES]

    def _key_of(self, raw: msgspec.Raw) -> Key | None:
        if self._whole_numbers is not None:
            try:
                return self._key_in_scope + msgspec.structs.astuple(self._whole_numbers.decode(raw))
            except msgspec.ValidationError:
                # As a text, as v2 of the API sends ids, or no id at all: the slower way tells.
                pass
        head = self._head.decode(raw)
        key: list[int | str] = []
        for name, type_ in self._key:
            if name in self._scope:
                key.append(self._scope[name])
                continue
            part = self._joined_key(head) if name == "_row_key" else self._sent(head, name, type_)
            if part is None:
                return None
            key.append(part)
        return tuple(key)

    def _joined_key(self, head: Any) -> str | None:
        first, *rest = (self._sent(head, name, FieldType.STRING) for name in self._row_key)
        if first is not None:
            return str(first)
        return None if all(part is None for part in rest) else ":".join(str(part or "") for part in rest)

    def _sent(self, head: Any, name: str, type_: FieldType) -> int | str | None:
        """Return a part of the key; v1 of the API sends ids as numbers and v2 as text, and both are accepted."""
        sent = bytes(getattr(head, attribute(name)))
        if sent in (b"", b"null"):
            return None
        bare = text_of(sent) if sent.startswith(b'"') else sent.decode("ascii", "replace")
        if not bare or sent.startswith((b"{", b"[")):
            return None
        if type_ is not FieldType.INTEGER:
            return bare
        number = CONVERTERS[FieldType.INTEGER](bare.encode())
        return number if isinstance(number, int) else None

    def _version_of(self, raw: msgspec.Raw) -> str:
        if self._cursor is None:
            return ""
        sent = bytes(getattr(self._head.decode(raw), attribute(self._cursor)))
        return order_of(text_of(sent) or "")


@cache
def _head_decoder(spec: StreamSpec) -> msgspec.json.Decoder[Any]:
    """Return a decoder of the fields that identify a record; the others stay undecoded."""
    names = {name for name in spec.primary_key if name in spec.fields} | set(spec.row_key)
    if spec.cursor_field is not None:
        names.add(spec.cursor_field)
    head = msgspec.defstruct(
        "Head",
        [(attribute(name), msgspec.Raw, _ABSENT) for name in sorted(names)],
        rename={attribute(name): name for name in names},
        gc=False,
    )
    return msgspec.json.Decoder(head)


@cache
def _whole_number_decoder(spec: StreamSpec, in_scope: tuple[str, ...]) -> msgspec.json.Decoder[Any] | None:
    """Return a fast decoder for keys whose parts are those in the scope, then whole numbers; None for other keys."""
    rest = spec.primary_key[len(in_scope) :]
    if spec.primary_key != in_scope + rest or any(spec.fields.get(name) is not FieldType.INTEGER for name in rest):
        return None
    fields = [(attribute(name), INT64) for name in rest]
    head = msgspec.defstruct("Key", fields, rename={attribute(name): name for name in rest}, gc=False)
    return msgspec.json.Decoder(head)


@cache
def attribute(name: str) -> str:
    """Return what `name` is called in a struct: a field may be called "class" or "a b", an attribute may not."""
    return f"field_{name.encode('utf-8', 'surrogatepass').hex()}"


def _content(
    spec: StreamSpec, excluded: frozenset[str], learned: frozenset[str]
) -> Callable[[msgspec.Raw], bytes | msgspec.Raw]:
    """Return the function that selects what is hashed: the record as sent, unless something must be left out."""
    volatile = [steps_of(path) for path in spec.volatile]
    signed = [steps_of(path) for path in sorted(learned)]
    is_always_blanked = bool(volatile or excluded)

    def content(raw: msgspec.Raw) -> bytes | msgspec.Raw:
        if not is_always_blanked:
            sent = bytes(raw)
            # Decoding takes longer than all the rest, and most records hold no URL with a query.
            if b"?" not in sent or b"/" not in sent:
                return raw
        record = _exact.decode(raw)
        is_dated = bool(signed) and _is_dated(record.get(spec.cursor_field))
        for name in excluded:
            record.pop(name, None)
        for path in volatile:
            _blank(record, path)
        # A record without such URLs keeps the hash that it has.
        is_cut = [cut_signatures(record, path, is_dated=is_dated) for path in signed]
        return msgspec.json.encode(record) if is_always_blanked or any(is_cut) else raw

    return content if is_always_blanked or signed else lambda raw: raw


def _is_dated(version: object) -> bool:
    return isinstance(version, str) and order_of(version) != ""


def _blank(node: Any, path: list[str]) -> None:
    step, *rest = path
    if step == "*":
        for child in node if isinstance(node, list) else ():
            _blank(child, rest)
    elif isinstance(node, dict) and step in node:
        if rest:
            _blank(node[step], rest)
        else:
            node[step] = None
