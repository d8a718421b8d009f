"""Text for people: tables, paragraphs and lines with a label."""

from __future__ import annotations

import shutil
import sys
import textwrap
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import click

Cell = int | float | str | bytes | bool | None

TOGETHER = "\N{NO-BREAK SPACE}"
"""Between words that stay on one line."""
_COLUMNS = 80
_LABEL_WIDTH = 14
_COLORS = {"failed": "red", "the run": "red", "inexact": "yellow", "stale": "yellow", "held": "yellow"}
_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def table(headings: Sequence[str], rows: Sequence[Sequence[Cell]], *, none: str = "-") -> Iterator[str]:
    """Format a table as wide as its widest values, numbers to the right; `none` stands for None."""
    lines = [[_cell_text(cell, none) for cell in line] for line in (headings, *rows)]
    widths = [max(map(_width, column)) for column in zip(*lines, strict=True)]
    is_numeric = [bool(rows) and all(isinstance(row[index], int | float | None) for row in rows)
                  for index in range(len(headings))]  # fmt: skip
    for line in lines:
        yield "  ".join(map(_padded, line, widths, is_numeric)).rstrip()


def _padded(text: str, width: int, to_the_right: bool) -> str:
    room = " " * (width - _width(text))
    return room + text if to_the_right else text + room


def _cell_text(cell: Cell, none: str) -> str:
    if cell is None:
        return none
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    text = cell.hex() if isinstance(cell, bytes) else str(cell)
    # A line break would tear the table, and an escape sequence could repaint the terminal.
    return "".join(repr(each)[1:-1] if unicodedata.category(each) in _UNPRINTABLE else each for each in text)


def _width(text: str) -> int:
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(it) else 1 + (unicodedata.east_asian_width(it) in "WF") for it in text)


class LabeledLine(NamedTuple):
    """A label, a text, and what to do about it, if anything."""

    label: str
    text: str
    hint: str = ""


def labeled_lines(lines: Iterable[LabeledLine]) -> Iterator[str]:
    """Format lines as a list; a label or hint that several lines in a row share is there once.

    Only a terminal gets long lines wrapped, so that in a pipe grep finds all of a line.
    """
    room = _terminal_room(_LABEL_WIDTH)
    shown = list(lines)
    nothing = LabeledLine("", "")
    for before, line, after in zip([nothing, *shown], shown, [*shown[1:], nothing], strict=False):
        label = "" if line.label == before.label else line.label
        first, *others = _wrapped(line.text, room)
        yield click.style(f"{label:<{_LABEL_WIDTH}}", fg=_COLORS.get(label), bold=True) + first
        if line.hint and line.hint != after.hint:
            others += [click.style(text, dim=True) for text in _wrapped(f"→ {line.hint}", room, indent="  ")]
        yield from (" " * _LABEL_WIDTH + text for text in others)


def wrapped_on_terminal(text: str) -> list[str]:
    """Return a text in lines, of which only a terminal gets more than one."""
    return _wrapped(text, _terminal_room(0))


def _terminal_room(used: int) -> int:
    return max(40, shutil.get_terminal_size().columns - used) if sys.stdout.isatty() else sys.maxsize


def _wrapped(text: str, room: int, indent: str = "") -> list[str]:
    lines = textwrap.wrap(text, room, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    return [line.replace(TOGETHER, " ") for line in lines] or [""]


class Console:
    """Prints headings, paragraphs, facts and tables in 80 columns; `color` None leaves colors to the terminal."""

    def __init__(self, *, color: bool | None) -> None:
        self._color = color

    def heading(self, text: str) -> None:
        """Print a line that begins a part."""
        self._print(["", click.style(text, bold=True)], indent="")

    def text(self, text: str) -> None:
        """Print a paragraph."""
        self._print(_wrapped(text, _COLUMNS), indent="")

    def fact(self, label: str, text: str, *, color: str = "green") -> None:
        """Print a label and a text."""
        first, *others = _wrapped(text, _COLUMNS - _LABEL_WIDTH - 3)
        label = click.style(f"{label:<{_LABEL_WIDTH}} ", fg=color)
        self._print([label + first, *(" " * (_LABEL_WIDTH + 1) + line for line in others)])

    def counts(self, label: str, counted: Mapping[str, int]) -> None:
        """Print names and numbers; a name and its number stay on one line."""
        self.fact(label, ", ".join(f"{name}{TOGETHER}{number}" for name, number in counted.items()))

    def code(self, text: str) -> None:
        """Print lines to copy."""
        self._print(click.style(line, fg="cyan") for line in text.splitlines())

    def table(self, headings: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
        """Print a table."""
        first, *others = table(headings, rows)
        self._print(["", click.style(first, dim=True), *others])

    def _print(self, lines: Iterable[str], indent: str = "  ") -> None:
        for line in lines:
            click.echo(indent + line if line else "", sys.stdout, color=self._color)
