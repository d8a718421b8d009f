"""What a page is made of, as data: a format draws it, and must escape every text in it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, NamedTuple

Tone = Literal["bad", "warn", "good", "plain"]
"""How a figure is to be taken, as its colour."""


_SAID: dict[Tone, str] = {"bad": "act", "warn": "watch", "good": "fine", "plain": ""}


class Tile(NamedTuple):
    """A figure and what it is; `trend` says how it moved."""

    label: str
    figure: str
    word: str
    tone: Tone = "plain"
    trend: str = ""

    @property
    def said(self) -> str:
        """The tone in a word, for whoever sees no colours."""
        return _SAID[self.tone]


class Bar(NamedTuple):
    """A count, the part of it that is late, and both beside the longest of its chart, in percent."""

    label: str
    total: int
    overdue: int
    length: float
    late: float


class Bars(NamedTuple):
    """A chart; `more` says what it leaves out."""

    title: str
    bars: Sequence[Bar]
    note: str = ""
    more: str = ""


class Cell(NamedTuple):
    """A value of a table as people read it."""

    text: str
    link: str | None = None
    tone: Tone = "plain"
    under: str = ""


class Column(NamedTuple):
    """A column of a table."""

    name: str
    is_number: bool = False


class Table(NamedTuple):
    """Rows, the first `shown` of them at once and the others on demand."""

    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    shown: int
    note: str = ""


class ReportPage(NamedTuple):
    """A report as people look at it, from what matters most down to how it was counted."""

    title: str
    about: str
    headline: str
    warnings: Sequence[str]
    tiles: Sequence[Tile]
    charts: Sequence[Bars]
    table: Table
    projects: Table
    left_out: Sequence[tuple[str, Sequence[str]]]
    rules: Sequence[str]
    as_of: datetime
    rendered_at: datetime
