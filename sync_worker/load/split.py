"""Splits the body of a page into undecoded records.

The fast way never builds Python objects. A page it refuses because of one record (a lone surrogate is enough), and one
with a NUL, which no database holds, goes through a tolerant one that mends its text first. So does one with a field
that nests too deep for any reader; the field becomes a text.
"""

from __future__ import annotations

import json
import re
from codecs import BOM_UTF8
from collections.abc import Callable
from math import isinf
from typing import NoReturn

import msgspec

from sync_worker.catalog.spec import Envelope
from sync_worker.errors import BadPayloadError
from sync_worker.load.paging_notes import PagingFields, paging_notes
from sync_worker.model import Records

REPLACEMENT = "\ufffd"

_ESCAPED_NUL = b"\\u0000"
_UNSTORABLE = re.compile(
    r"(?<!\\)((?:\\\\)*)"
    r"(?:(\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})|\\u[dD][89a-fA-F][0-9a-fA-F]{2}|\\u0000)"
)
_STRUCTURE = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}]', re.DOTALL)
_DEEPEST = 500
_FIELD_DEPTH = {Envelope.ARRAY: 3, Envelope.DATA: 4, Envelope.GROUPS: 5}
"""Where a field that is an object or an array opens: as so many brackets from the outside."""
_ONE_DIGIT = bytes.maketrans(b"123456789E", b"000000000e")


class _Group(msgspec.Struct):
    meetings: list[msgspec.Raw]


class _Meetings(msgspec.Struct):
    meetings: list[msgspec.Raw]


class _Data(PagingFields, kw_only=True):
    data: list[msgspec.Raw]


_ARRAY = msgspec.json.Decoder(list[msgspec.Raw])
_DATA = msgspec.json.Decoder(_Data)
_GROUPS = msgspec.json.Decoder(list[_Group] | _Meetings)


def splitter(envelope: Envelope) -> Callable[[bytes], Records]:
    """The function that splits bodies in this envelope; it raises `BadPayloadError` for what is no such list."""
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
        mended, replaced = _mended(body, _FIELD_DEPTH[envelope])
        try:
            return fast(mended)._replace(replaced=replaced)
        except msgspec.DecodeError as error:
            raise BadPayloadError(f"the answer cannot be read: {error}") from None

    return split


def holds_endless_number(record: msgspec.Raw) -> bool:
    """Whether a number in it is beyond what a reader of JSON can hold, as 1e400 is; one without exponent never is."""
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


def _mended(body: bytes, field_depth: int) -> tuple[bytes, int]:
    """The same JSON without what cannot be stored, and how many characters were replaced.

    Raises `BadPayloadError` where it is no JSON at all.
    """
    text = _UNSTORABLE.sub(_keep_pair, body.decode("utf-8", "replace").replace("\0", REPLACEMENT))
    try:
        text = _readable(text, field_depth)
    except RecursionError:
        raise BadPayloadError("the answer nests deeper than any record does") from None
    except ValueError as error:
        raise BadPayloadError(f"the answer is cut short or is no JSON: {error}") from None
    mended = text.encode()
    sent_so = body.count(REPLACEMENT.encode())
    return mended, mended.count(REPLACEMENT.encode()) - sent_so


def _readable(text: str, field_depth: int) -> str:
    try:
        _read(text)
    except RecursionError:
        text = _flattened(text, field_depth)
        _read(text)
    return text


def _read(text: str) -> None:
    json.loads(text, parse_constant=_refuse_constant, parse_int=str, parse_float=str)


def _flattened(text: str, field_depth: int) -> str:
    """The same JSON with fields that nest too deep written as texts."""
    parts: list[str] = []
    kept = depth = start = 0
    is_deep = False
    for match in _STRUCTURE.finditer(text):
        if match[0] in {"[", "{"}:
            depth += 1
            if depth == field_depth:
                start, is_deep = match.start(), False
            is_deep = is_deep or depth > _DEEPEST
        elif match[0] in {"]", "}"}:
            if depth == field_depth and is_deep:
                parts += [text[kept:start], json.dumps(text[start : match.end()], ensure_ascii=False)]
                kept = match.end()
            depth -= 1
    return "".join([*parts, text[kept:]])


def _keep_pair(match: re.Match[str]) -> str:
    escaped_backslashes, pair = match.group(1), match.group(2)
    return escaped_backslashes + (pair or REPLACEMENT)


def _refuse_endless(number: str) -> None:
    if isinf(float(number)):
        raise OverflowError(number)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")
