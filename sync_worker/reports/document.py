"""The content of a report as data: a job builds a `Document`; every format renders it and escapes its texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Literal, NamedTuple

Tone = Literal["bad", "warn", "good", "plain"]
"""The colour of a figure."""
Figure = int | Decimal
"""A count, or an amount of money, which JSON has as text."""
Value = str | Figure | date | None
"""A value of a table for programs; ids are text, since a spreadsheet rounds long numbers."""

_TONE_WORDS: dict[Tone, str] = {"bad": "act", "warn": "watch", "good": "fine", "plain": ""}


class Tile(NamedTuple):
    """A figure of a report; `trend` is how it moved, from `ReportData.trend`."""

    label: str
    figure: str
    note: str = ""
    tone: Tone = "plain"
    trend: str = ""

    @property
    def tone_word(self) -> str:
        """The tone as a word, for readers who see no colours."""
        return _TONE_WORDS[self.tone]


class Bar(NamedTuple):
    """A named count or amount, and the part of it that is highlighted."""

    name: str
    total: Figure
    part: Figure = 0


class Bars(NamedTuple):
    """A chart of bars, the first `most` of them drawn on the page.

    With a `key`, JSON has all of them under it, and a workbook has them on `sheet`, or as a chart on its summary.
    `head` names what the bars stand for, `measures` the total, and the part if it has one, where these are columns.
    """

    title: str
    bars: Sequence[Bar]
    key: str = ""
    sheet: str = ""
    head: str = ""
    unit: str = ""
    note: str = ""
    most: int = 8
    measures: Sequence[str] = ("open", "overdue")
    part_word: str = "late"

    @property
    def rows(self) -> Sequence[Sequence[Value]]:
        """The name and the measures of each bar."""
        return [bar[: 1 + len(self.measures)] for bar in self.bars]


class Lines(NamedTuple):
    """A chart of one or more lines over days; None is a day without data, which is a gap and not zero.

    With a `key`, JSON has the values under it, and a workbook has them on `sheet`, or as a chart on its summary.
    """

    title: str
    days: Sequence[date]
    lines: Mapping[str, Sequence[Figure | None]]
    key: str = ""
    sheet: str = ""
    note: str = ""

    @property
    def head(self) -> str:
        """The heading of the days."""
        return "day"

    @property
    def measures(self) -> Sequence[str]:
        """The names of the lines."""
        return list(self.lines)

    @property
    def rows(self) -> Sequence[Sequence[Value]]:
        """Each day and the values of the lines on it."""
        return list(zip(self.days, *self.lines.values(), strict=True))


class Cell(NamedTuple):
    """A value of a table on the page; `under` is printed below it in grey."""

    text: str
    link: str | None = None
    tone: Tone = "plain"
    under: str = ""


class Column(NamedTuple):
    """A column of a table on the page; `widths` in percent on a wide and on a narrow screen, where 0 hides it."""

    name: str
    kind: Literal["text", "number", "day"] = "text"
    widths: tuple[int, int] | None = None


class PageTable(NamedTuple):
    """A table for readers: the first `shown` rows are visible, the others on demand."""

    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    shown: int = 25
    note: str = ""


Block = Tile | Bars | Lines | PageTable
"""A part of the page. Formats match these exhaustively, so that none leaves out a kind that it does not know."""


class Table(NamedTuple):
    """A table for programs and spreadsheets, of all rows: a list in JSON, a CSV file, a sheet of a workbook."""

    key: str
    sheet: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Value]]


class Document(NamedTuple):
    """A report as its job builds it; an `Issue` adds its projects and their freshness.

    The next issue is compared with `figures`; `facts` are further values that only JSON has. The table of projects
    at the foot has `project_columns`, filled from `project_cells` by project id.
    """

    headline: str
    blocks: Sequence[Block]
    tables: Sequence[Table] = ()
    figures: Mapping[str, Figure] = {}
    facts: Mapping[str, Any] = {}
    warnings: Sequence[str] = ()
    rules: Sequence[str] = ()
    project_columns: Sequence[Column] = ()
    project_cells: Mapping[int, Sequence[Cell]] = {}


def chart_table(chart: Bars | Lines) -> Table:
    """Return what a chart draws as a table."""
    return Table(chart.key, chart.sheet, (chart.head, *chart.measures), chart.rows)


# In some languages Excel also accepts the full-width forms of the four signs.
_FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def is_formula(text: str) -> bool:
    """Return True if a spreadsheet might compute the text."""
    return text.startswith(_FORMULA_SIGNS)
