"""Splits the body of a page into undecoded records.

The fast way never builds Python objects. A page it refuses because of one record (a lone surrogate is enough), and one
with a NUL, which no database stores, is repaired and split again: step by step, each on bytes, so that a large page is
held two or three times and not as objects. A field that nests too deep for any reader becomes a text.
"""

from __future__ import annotations

import json
import re
from codecs import BOM_UTF8
from collections.abc import Callable
from math import isinf

import msgspec

from sync_worker.catalog.spec import Envelope
from sync_worker.errors import BadPayloadError
from sync_worker.load.paging_notes import PagingFields, paging_notes
from sync_worker.model import Records

REPLACEMENT = "\ufffd"
_REPLACED = REPLACEMENT.encode()

_ESCAPED_NUL = b"\\u0000"
_UNSTORABLE = re.compile(
    rb"(?<!\\)((?:\\\\)*)"
    rb"(?:(\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})|\\u[dD][89a-fA-F][0-9a-fA-F]{2}|\\u0000)"
)
_TEXT = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_STRUCTURE = re.compile(_TEXT.pattern + rb"|[\[\]{}]", re.DOTALL)
_CONTROL = re.compile(rb"[\x01-\x1f]")
_NO_NUMBER = re.compile(rb"[\[:,]\s*(NaN|-?Infinity)\b")
_DEEPEST = 500
_FIELD_DEPTH = {Envelope.ARRAY: 3, Envelope.DATA: 4, Envelope.GROUPS: 5}
"""Where a field that is an object or an array opens: as so many brackets from the outside."""
_ONE_DIGIT = bytes.maketrans(b"123456789E", b"000000000e")


class _Group(msgspec.Struct):
    meetings: list[msgspec.Raw]


class _Data(PagingFields, kw_only=True):
    data: list[msgspec.Raw]


_ARRAY = msgspec.json.Decoder(list[msgspec.Raw])
_DATA = msgspec.json.Decoder(_Data)
_GROUPS = msgspec.json.Decoder(list[_Group] | _Group)


def splitter(envelope: Envelope) -> Callable[[bytes], Records]:
    """Return the function that splits bodies in this envelope; it raises `BadPayloadError` for any other body."""
    fast = {Envelope.ARRAY: _split_array, Envelope.DATA: _split_data, Envelope.GROUPS: _split_groups}[envelope]

    def split(body: bytes) -> Records:
        body = body.removeprefix(BOM_UTF8)
        try:
            if not body.isascii():
                # Whoever decodes a record later relies on it.
                body.decode()
            if _ESCAPED_NUL not in body:
                return fast(body)
        except msgspec.ValidationError as error:
            raise BadPayloadError(f"the answer is not the list it should be: {error}") from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            pass
        return _split_mended(body, fast, _FIELD_DEPTH[envelope])

    return split


def holds_endless_number(record: msgspec.Raw) -> bool:
    """Return True if the record has a number beyond any range, such as 1e400; only one with an exponent can be."""
    sent = bytes(record)
    # A pattern over all bytes would take three times as long.
    shape = sent.translate(_ONE_DIGIT)
    if b"0e000" not in shape and b"0e+000" not in shape:
        return False
    try:
        json.loads(sent, parse_int=str, parse_float=_refuse_endless)
    except OverflowError:
        return True
    except (ValueError, RecursionError):
        return False
    return False


def _split_array(body: bytes) -> Records:
    records = _ARRAY.decode(body)
    return Records(records, len(records))


def _split_data(body: bytes) -> Records:
    found = _DATA.decode(body)
    notes = paging_notes(found)
    return Records(found.data, len(found.data), has_more=notes.has_more, total=notes.total)


def _split_groups(body: bytes) -> Records:
    # Live groups come as an array, deleted meetings as one object.
    decoded = _GROUPS.decode(body)
    groups = decoded if isinstance(decoded, list) else [decoded]
    return Records([record for group in groups for record in group.meetings], len(groups))


def _split_mended(body: bytes, fast: Callable[[bytes], Records], field_depth: int) -> Records:
    """Split the same JSON without what cannot be stored; raise `BadPayloadError` where it is no JSON at all."""
    sent_so = body.count(_REPLACED)
    body = _storable(body)
    replaced = body.count(_REPLACED) - sent_so
    reason = ""
    for repair in (bytes, _escaped, lambda it: _flattened(it, field_depth)):
        body = repair(body)
        try:
            return fast(body)._replace(replaced=replaced)
        except msgspec.ValidationError as error:
            raise BadPayloadError(f"the answer is not the list it should be: {error}") from None
        except msgspec.DecodeError as error:
            found = _NO_NUMBER.search(body)
            why = f"{found[1].decode()} is no JSON number" if found else error
            reason = f"the answer is cut short or is no JSON: {why}"
        except RecursionError:
            reason = "the answer nests deeper than any record does"
    raise BadPayloadError(reason)


def _storable(body: bytes) -> bytes:
    """Replace invalid UTF-8, NUL and lone surrogates by U+FFFD."""
    try:
        body.decode()
    except UnicodeDecodeError:
        body = body.decode("utf-8", "replace").encode()
    return _UNSTORABLE.sub(_keep_pair, body.replace(b"\0", _REPLACED))


def _keep_pair(match: re.Match[bytes]) -> bytes:
    escaped_backslashes, pair = match[1], match[2]
    return escaped_backslashes + (pair or _REPLACED)


def _escaped(body: bytes) -> bytes:
    """Escape the control characters in the texts of a JSON body, as JSON requires."""
    return _TEXT.sub(lambda text: _CONTROL.sub(lambda it: b"\\u%04x" % ord(it[0]), text[0]), body)


def _flattened(body: bytes, field_depth: int) -> bytes:
    """Write the fields of a JSON body that nest too deep as texts."""
    parts: list[bytes] = []
    kept = depth = start = 0
    is_deep = False
    for match in _STRUCTURE.finditer(body):
        if match[0] in {b"[", b"{"}:
            depth += 1
            if depth == field_depth:
                start, is_deep = match.start(), False
            is_deep = is_deep or depth > _DEEPEST
        elif match[0] in {b"]", b"}"}:
            if depth == field_depth and is_deep:
                field = body[start : match.end()].decode()
                parts += [body[kept:start], json.dumps(field, ensure_ascii=False).encode()]
                kept = match.end()
            depth -= 1
    return b"".join([*parts, body[kept:]])


def _refuse_endless(number: str) -> None:
    if isinf(float(number)):
        raise OverflowError(number)
