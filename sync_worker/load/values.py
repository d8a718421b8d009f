"""Turns the JSON text of one field into the value that is stored, or says that it does not fit.

Works on the bytes as sent, so decimals keep every digit and nested JSON stays as Procore wrote it. Values are
neutral: integers and booleans as such, everything else as text in the form the contract gives it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from enum import Enum
from typing import Annotated, Final, Literal

import msgspec

from sync_worker.catalog.spec import FieldType

Value = int | str | bool | None


class _Misfit(Enum):
    MISFIT = "misfit"


MISFIT: Final = _Misfit.MISFIT
Converted = Value | Literal[_Misfit.MISFIT]

_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")
_MAX_INTEGER_DIGITS = 19
_INT64 = range(-(2**63), 2**63)
INT64 = Annotated[int, msgspec.Meta(ge=_INT64[0], le=_INT64[-1])]
"""Whole numbers that an integer column holds, as msgspec checks them."""
_UTC_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_MIDNIGHT = re.compile(r"T00:00(:00(\.0+)?)?(Z|[+-]\d\d:?\d\d)?")
_text_decoder = msgspec.json.Decoder(str)


def text_of(sent: bytes) -> str | None:
    """Return the string that `sent` holds; None if it is not a JSON string."""
    if not sent.startswith(b'"'):
        return None
    return _text_decoder.decode(sent) if b"\\" in sent else sent[1:-1].decode("utf-8", "replace")


def literal_of(sent: bytes) -> Converted:
    """Return the text that `sent` holds; a number or a boolean as it was written."""
    if sent.startswith((b"{", b"[")):
        return MISFIT
    text = text_of(sent)
    return sent.decode("ascii", "replace") if text is None else text


def _integer(sent: bytes) -> Converted:
    # Before it is parsed: `int` takes long for thousands of digits, and from 4,300 on it raises. One more is the sign.
    if len(sent) > _MAX_INTEGER_DIGITS + 1 or not sent.removeprefix(b"-").isdigit():
        return MISFIT
    number = int(sent)
    return number if number in _INT64 else MISFIT


def _boolean(sent: bytes) -> Converted:
    if sent == b"true":
        return True
    return False if sent == b"false" else MISFIT


def _decimal(sent: bytes) -> Converted:
    text = text_of(sent) if sent.startswith(b'"') else sent.decode("utf-8", "replace")
    return text if text is not None and _NUMBER.fullmatch(text) else MISFIT


def _date(sent: bytes) -> Converted:
    return date_of(text_of(sent))


def date_of(text: str | None) -> Converted:
    """Return the day that `text` names, in the form it is stored in.

    Procore writes some dates as midnight of an instant; such a date is never shifted into another time zone.
    """
    if text and len(text) > len("2024-01-31") and _MIDNIGHT.fullmatch(text, len("2024-01-31")):
        text = text[: len("2024-01-31")]
    try:
        return date.fromisoformat(text).isoformat() if text and len(text) == len("2024-01-31") else MISFIT
    except ValueError:
        return MISFIT


def _datetime(sent: bytes) -> Converted:
    return instant_of(text_of(sent))


def instant_of(text: str | None) -> Converted:
    """Return the instant that `text` names, in the form it is stored in."""
    if not text:
        return MISFIT
    try:
        instant = datetime.fromisoformat(text)
        # The usual form by its marks: once it is parsed they are enough, and a pattern takes longer than the parsing.
        if text[7::3] == "-T::Z" or _UTC_INSTANT.fullmatch(text):
            return text
        if instant.tzinfo is None:
            # Nobody knows which instant it is.
            return MISFIT
        return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
    except (ValueError, OverflowError):
        return MISFIT


def order_of(instant: str) -> str:
    """Return an instant in a form that sorts by time; empty if the text is not an instant."""
    try:
        moment = datetime.fromisoformat(instant)
        return "" if moment.tzinfo is None else moment.astimezone(UTC).isoformat(timespec="microseconds")
    except (ValueError, OverflowError):
        return ""


def _nested(opening: bytes) -> Callable[[bytes], Converted]:
    def convert(sent: bytes) -> Converted:
        return sent.decode("utf-8", "replace") if sent.startswith(opening) else MISFIT

    return convert


CONVERTERS: Final[dict[FieldType, Callable[[bytes], Converted]]] = {
    FieldType.STRING: literal_of,
    FieldType.INTEGER: _integer,
    FieldType.BOOLEAN: _boolean,
    FieldType.DECIMAL: _decimal,
    FieldType.DATE: _date,
    FieldType.DATETIME: _datetime,
    FieldType.OBJECT: _nested(b"{"),
    FieldType.ARRAY: _nested(b"["),
}
