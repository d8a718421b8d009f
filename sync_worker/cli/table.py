"""Tables in plain text: columns as wide as their widest value, numbers to the right."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence

Cell = int | float | str | bytes | bool | None


def table(headings: Sequence[str], rows: Sequence[Sequence[Cell]], *, none: str = "-") -> Iterator[str]:
    """The lines of a table; every value in full, `none` for what is not there."""
    shown = [[_shown(cell, none) for cell in row] for row in rows]
    widths = [max(map(_width, column)) for column in zip([_shown(it, none) for it in headings], *shown, strict=True)]
    numeric = [all(isinstance(cell, int | float | None) for cell in column) for column in zip(*rows, strict=True)]
    to_the_right = numeric or [False] * len(headings)
    for line in ([_shown(it, none) for it in headings], *shown):
        yield "  ".join(map(_padded, line, widths, to_the_right)).rstrip()


def _padded(text: str, width: int, to_the_right: bool) -> str:
    room = " " * (width - _width(text))
    return room + text if to_the_right else text + room


def _shown(cell: Cell, none: str) -> str:
    if cell is None:
        return none
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    text = cell.hex() if isinstance(cell, bytes) else str(cell)
    # A line break would tear the table, and an escape sequence could repaint the terminal.
    return "".join(repr(each)[1:-1] if unicodedata.category(each) in _UNSHOWN else each for each in text)


_UNSHOWN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def _width(text: str) -> int:
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(it) else 1 + (unicodedata.east_asian_width(it) in "WF") for it in text)
