"""Ids that are computed from stream, place and number, so that records refer to others without a lookup."""

from __future__ import annotations

from zlib import crc32

RECORDS_IN_PLACE = 10_000_000
CHILDREN_OF_ONE = 1_000
_DIGITS_OF_AN_ID = 19
_BEYOND_32_BITS = 562_949_000_000_000


def identity(stream: str, place: int, serial: int) -> int:
    """Return the id of the `serial`-th record of a stream in a place (a company's or a project's number).

    Half of the streams have ids that need more than 32 bits, as Procore's newer tools do.
    """
    mark = crc32(stream.encode())
    base = (mark % 90) * 1_000_000 if mark % 2 else _BEYOND_32_BITS + (mark % 900) * 10_000_000_000
    return base + place * RECORDS_IN_PLACE + serial


def read_id(text: str) -> int | None:
    """Return the id in a text, None if it is not an id."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS_OF_AN_ID else None
