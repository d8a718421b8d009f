"""A report as a workbook: a summary with charts, tables with filters, ids as text, and no formulas."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import cycle
from typing import Any, assert_never

import xlsxwriter

from sync_worker.reports.document import Bars, Block, Lines, PageTable, Table, Tile, Value, chart_table, is_formula
from sync_worker.reports.issue import Issue
from sync_worker.reports.text import instant_text

_WIDEST = 60
_LONGEST_TEXT = 32_767
_LONGEST_ADDRESS = 2_000
_CHART_ROWS = 15
_FONT = "Calibri"
_COLORS = ("#A9B8C9", "#C0392B", "#1F5FA8", "#8A5A00", "#1E6B43")


def render(issue: Issue) -> dict[str, bytes]:
    """Return the workbook: a summary, and a sheet for each table and for each chart that names one."""
    content = io.BytesIO()
    book = _Book(content, issue.made_at)
    tiles, charts = _tiles_and_charts(issue.document.blocks)
    book.summary(issue, tiles, [chart for chart in charts if not chart.sheet])
    sheets = [chart_table(chart) for chart in charts if chart.sheet]
    for table in (*issue.document.tables, *sheets, issue.project_table):
        book.table(table)
    book.close()
    return {f"{issue.name}.xlsx": content.getvalue()}


def _tiles_and_charts(blocks: Sequence[Block]) -> tuple[list[Tile], list[Bars | Lines]]:
    tiles: list[Tile] = []
    charts: list[Bars | Lines] = []
    for block in blocks:
        match block:
            case Tile():
                tiles.append(block)
            case Bars() | Lines():
                charts += [block] if block.key else []
            case PageTable():
                pass  # an extract for readers; its `Table` has a sheet
            case _:
                assert_never(block)
    return tiles, charts


class _Book:
    """A workbook being written."""

    def __init__(self, content: io.BytesIO, made_at: datetime) -> None:
        options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
        self._book = xlsxwriter.Workbook(content, options)
        self._book.set_properties({"created": made_at.replace(tzinfo=None)})
        self._title = self._book.add_format({"bold": True, "font_size": 16})
        self._quiet = self._book.add_format({"font_color": "#66717F"})
        self._bold = self._book.add_format({"bold": True})
        self._day = self._book.add_format({"num_format": "yyyy-mm-dd", "align": "left"})
        # Excel's quote prefix: the cell stays text even after somebody edits it.
        self._quoted = self._book.add_format({"quote_prefix": True})

    def close(self) -> None:
        self._book.close()

    def summary(self, issue: Issue, tiles: Sequence[Tile], charts: Sequence[Bars | Lines]) -> None:
        """Add the sheet with the figures, the charts without their own sheet, and the rules of counting."""
        sheet = self._sheet("Summary")
        sheet.fit_to_pages(1, 1)
        sheet.set_column(0, 0, 34)
        sheet.set_column(1, 2, 14)
        sheet.set_column(3, 4, 30)
        row = self._write_rows(
            sheet,
            0,
            [
                ((issue.title,), self._title),
                ((issue.document.headline,), self._bold),
                ((issue.about,), self._quiet),
                ((f"Data as of {instant_text(issue.as_of)}; made {instant_text(issue.made_at)}",), self._quiet),
                *(((warning,), self._bold) for warning in issue.warnings),
                ((), None),
                *(((tile.label, tile.figure, tile.tone_word, tile.note, tile.trend), None) for tile in tiles),
                ((), None),
            ],
        )
        for chart in charts:
            if chart.rows:
                row = self._chart(sheet, row, chart)
        self._write_rows(
            sheet,
            row,
            [
                (("Not in this report",), self._bold),
                *(
                    ((f"{len(names)} {reason}: {', '.join(names)}",), self._quiet)
                    for reason, names in issue.names_left_out
                ),
                ((), None),
                *(((rule,), self._quiet) for rule in issue.rules),
            ],
        )

    def table(self, table: Table) -> None:
        """Add a sheet that is one table, its header frozen."""
        sheet = self._sheet(table.sheet)
        sheet.freeze_panes(1, 0)
        sheet.repeat_rows(0)
        self._write_rows(sheet, 1, [(values, None) for values in table.rows])
        headers = [{"header": column} for column in table.columns]
        options = {"columns": headers, "style": "Table Style Light 1"}
        sheet.add_table(0, 0, max(1, len(table.rows)), len(headers) - 1, options)
        for place, column in enumerate(table.columns):
            texts = [str(row[place] or "") for row in table.rows]
            # A column as wide as a URL would shrink the printed page.
            longest = max((len(text) for text in texts if not text.startswith("http")), default=0)
            sheet.set_column(place, place, max(len(column) + 4, min(_WIDEST, longest + 1)))

    def _sheet(self, name: str) -> Any:
        sheet = self._book.add_worksheet(name)
        sheet.set_landscape()
        sheet.fit_to_pages(1, 0)
        return sheet

    def _chart(self, sheet: Any, first: int, block: Bars | Lines) -> int:
        """Draw a chart below the values it shows; return the row after it."""
        measures = [measure.capitalize() for measure in block.measures]
        lines: list[tuple[Sequence[Value], Any]] = [((block.head, *measures), self._bold)]
        last = self._write_rows(sheet, first, lines + [(values, None) for values in block.rows]) - 1
        is_bars = isinstance(block, Bars)
        chart = self._book.add_chart({"type": "bar" if is_bars else "line"})
        for column, color in zip(range(1, len(measures) + 1), cycle(_COLORS), strict=False):
            chart.add_series(
                {
                    # xlsxwriter takes a name that begins with "=" as a formula, so names are references to cells.
                    "name": ["Summary", first, column],
                    "categories": ["Summary", first + 1, 0, last, 0],
                    "values": ["Summary", first + 1, column, last, column],
                    "fill" if is_bars else "line": {"color": color},
                    "data_labels": {"value": is_bars, "font": {"name": _FONT}},
                }
            )
        title = f"{block.title}, in {block.unit}" if isinstance(block, Bars) and block.unit else block.title
        chart.set_title({"name": title, "name_font": {"name": _FONT, "size": 12}})
        if is_bars:
            chart.set_y_axis({"reverse": True, "num_font": {"name": _FONT}})
            chart.set_x_axis({"visible": False, "major_gridlines": {"visible": False}})
        else:
            chart.set_x_axis({"date_axis": True, "num_format": "d mmm", "num_font": {"name": _FONT}})
            chart.set_y_axis({"num_font": {"name": _FONT}})
        chart.set_legend({"position": "bottom", "font": {"name": _FONT}})
        sheet.insert_chart(last + 1, 0, chart)
        return last + 1 + _CHART_ROWS

    def _write_rows(self, sheet: Any, first: int, rows: Sequence[tuple[Sequence[Value], Any]]) -> int:
        """Write rows, each with its style; return the row after them."""
        for row, (values, style) in enumerate(rows, start=first):
            for column, value in enumerate(values):
                self._write(sheet, row, column, value, style)
        return first + len(rows)

    def _write(self, sheet: Any, row: int, column: int, value: Value, style: Any) -> None:
        if isinstance(value, str) and value.startswith("https://") and len(value) <= _LONGEST_ADDRESS:
            sheet.write_url(row, column, value, string=value)
        elif isinstance(value, str):
            sheet.write_string(row, column, value[:_LONGEST_TEXT], self._quoted if is_formula(value) else style)
        elif isinstance(value, date):
            sheet.write_datetime(row, column, datetime(value.year, value.month, value.day), self._day)  # noqa: DTZ001
        elif isinstance(value, Decimal):
            # A cell holds a float; an amount that a float would round stays text.
            if Decimal(repr(float(value))) == value:
                sheet.write_number(row, column, float(value), style)
            else:
                sheet.write_string(row, column, f"{value}", style)
        elif value is not None:
            sheet.write_number(row, column, value, style)
