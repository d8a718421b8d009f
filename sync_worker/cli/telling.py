"""How a command tells a story on stdout: headings, facts and tables that fit a terminal of 80 columns.

Colours only where a terminal shows them and nobody asked for none.
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Mapping, Sequence

import click

from sync_worker.cli.table import Cell, table

COLUMNS = 80
_INDENT = "  "
_LABEL_WIDTH = 15
_TOGETHER = "\N{NO-BREAK SPACE}"


class Console:
    """Prints as it is told; `color` None leaves it to the terminal."""

    def __init__(self, *, color: bool | None) -> None:
        self._color = color

    def heading(self, text: str) -> None:
        """A line that begins a part of the story."""
        self._print("\n" + click.style(text, bold=True))

    def text(self, text: str) -> None:
        """A paragraph."""
        self._print(textwrap.fill(text, COLUMNS, break_long_words=False, break_on_hyphens=False))

    def fact(self, label: str, text: str, *, color: str = "green") -> None:
        """A word and what is to be said of it."""
        room = COLUMNS - len(_INDENT) - _LABEL_WIDTH
        lines = textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False)
        self._print(_INDENT + click.style(f"{label:<{_LABEL_WIDTH}}", fg=color) + lines[0])
        for line in lines[1:]:
            self._print(_INDENT + " " * _LABEL_WIDTH + line)

    def counts(self, label: str, counted: Mapping[str, int]) -> None:
        """Names and how often each, never torn apart at the end of a line."""
        words = ", ".join(f"{name}{_TOGETHER}{number}" for name, number in counted.items())
        self.fact(label, words)

    def code(self, text: str) -> None:
        """Lines to be copied."""
        for line in text.splitlines():
            self._print(_INDENT + click.style(line, fg="cyan"))

    def table(self, headings: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
        """A small table, its headings first."""
        first, *others = table(headings, rows)
        self._print("\n" + _INDENT + click.style(first, dim=True))
        for line in others:
            self._print(_INDENT + line)

    def _print(self, text: str) -> None:
        click.echo(text.replace(_TOGETHER, " "), sys.stdout, color=self._color)
