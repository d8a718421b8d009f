"""The report as a workbook: tables with filters, a chart, ids as text, and no formula at all."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import xlsxwriter

from sync_worker.reports.ageing import Share
from sync_worker.reports.blocks import ReportPage
from sync_worker.reports.flat import LINK, Flat, Plain, is_formula, items, projects
from sync_worker.reports.story import Issue, instant_text, page

_WIDEST = 60
_LONGEST_TEXT = 32_767
_LONGEST_ADDRESS = 2_000
_FONT = "Calibri"


def render_xlsx(issue: Issue) -> bytes:
    """The whole workbook."""
    written = io.BytesIO()
    book = _Book(written, issue.rendered_at)
    book.summary(page(issue), issue.ageing.by_band())
    book.table(f"{issue.noun}s", items(issue))
    book.table("Holders", _counted("ball_in_court", issue.ageing.by_holder()))
    book.table("Companies", _counted("company", issue.ageing.by_company()))
    book.table("Projects", projects(issue))
    book.close()
    return written.getvalue()


def _counted(name: str, shares: Sequence[Share]) -> Flat:
    return Flat((name, "open", "overdue"), shares)


class _Book:
    """A workbook under way."""

    def __init__(self, written: io.BytesIO, made_at: datetime) -> None:
        self._book = xlsxwriter.Workbook(
            written, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
        )
        self._book.set_properties({"created": made_at.replace(tzinfo=None)})
        self._title = self._book.add_format({"bold": True, "font_size": 16})
        self._quiet = self._book.add_format({"font_color": "#66717F"})
        self._bold = self._book.add_format({"bold": True})
        self._day = self._book.add_format({"num_format": "yyyy-mm-dd", "align": "left"})
        # Text all the same once somebody has edited the cell.
        self._quoted = self._book.add_format({"quote_prefix": True})

    def close(self) -> None:
        self._book.close()

    def summary(self, told: ReportPage, bands: Sequence[Share]) -> None:
        """The figures, the chart of the ages, and what to know of them."""
        sheet = self._sheet("Summary")
        sheet.fit_to_pages(1, 1)
        sheet.set_column(0, 0, 34)
        sheet.set_column(1, 2, 14)
        sheet.set_column(3, 4, 30)
        lines: list[tuple[Sequence[Plain], Any]] = [
            ((told.title,), self._title),
            ((told.headline,), self._bold),
            ((told.about,), self._quiet),
            ((f"Data as of {instant_text(told.as_of)}; made {instant_text(told.rendered_at)}",), self._quiet),
            *(((warning,), self._bold) for warning in told.warnings),
            ((), None),
            *(((tile.label, tile.figure, tile.said, tile.word, tile.trend), None) for tile in told.tiles),
            ((), None),
        ]
        for row, (values, style) in enumerate(lines):
            self._write_row(sheet, row, values, style)
        first = len(lines)
        self._write_row(sheet, first, ("Days open", "Open", "Overdue"), self._bold)
        for place, share in enumerate(bands, start=1):
            self._write_row(sheet, first + place, share)
        self._chart(sheet, first, len(bands))
        row = first + 20
        self._write_row(sheet, row, ("Not in this report",), self._bold)
        for reason, names in told.left_out:
            row += 1
            self._write_row(sheet, row, (f"{len(names)} {reason}: {', '.join(names)}",), self._quiet)
        row += 2
        for rule in told.rules:
            self._write_row(sheet, row, (rule,), self._quiet)
            row += 1

    def table(self, name: str, flat: Flat) -> None:
        """A sheet that is one table, its header frozen."""
        sheet = self._sheet(name)
        sheet.freeze_panes(1, 0)
        sheet.repeat_rows(0)
        for row, values in enumerate(flat.rows, start=1):
            self._write_row(sheet, row, values)
        sheet.add_table(
            0,
            0,
            max(1, len(flat.rows)),
            len(flat.columns) - 1,
            {"columns": [{"header": column} for column in flat.columns], "style": "Table Style Light 1"},
        )
        for place, column in enumerate(flat.columns):
            widths = [len(str(row[place] or "")) for row in flat.rows]
            # Nobody reads an address, and it would make the printed rows tiny.
            widest = _WIDEST if column != LINK else 0
            sheet.set_column(place, place, max(len(column) + 4, min(widest, max([0, *widths]) + 1)))

    def _sheet(self, name: str) -> Any:
        sheet = self._book.add_worksheet(name)
        sheet.set_landscape()
        sheet.fit_to_pages(1, 0)
        return sheet

    def _chart(self, sheet: Any, first: int, bands: int) -> None:
        chart = self._book.add_chart({"type": "bar"})
        for column, (name, color) in enumerate((("Open", "#A9B8C9"), ("Overdue", "#C0392B")), start=1):
            chart.add_series(
                {
                    "name": name,
                    "categories": ["Summary", first + 1, 0, first + bands, 0],
                    "values": ["Summary", first + 1, column, first + bands, column],
                    "fill": {"color": color},
                    "data_labels": {"value": True, "font": {"name": _FONT}},
                }
            )
        chart.set_title({"name": "How long they wait, in days", "name_font": {"name": _FONT, "size": 12}})
        chart.set_y_axis({"reverse": True, "num_font": {"name": _FONT}})
        chart.set_x_axis({"visible": False, "major_gridlines": {"visible": False}})
        chart.set_legend({"position": "bottom", "font": {"name": _FONT}})
        sheet.insert_chart(first + bands + 1, 0, chart)

    def _write_row(self, sheet: Any, row: int, values: Sequence[Plain], style: Any = None) -> None:
        for column, value in enumerate(values):
            self._write(sheet, row, column, value, style)

    def _write(self, sheet: Any, row: int, column: int, value: Plain, style: Any) -> None:
        if isinstance(value, str) and value.startswith("https://") and len(value) <= _LONGEST_ADDRESS:
            sheet.write_url(row, column, value, string=value)
        elif isinstance(value, str):
            sheet.write_string(row, column, value[:_LONGEST_TEXT], self._quoted if is_formula(value) else style)
        elif isinstance(value, date):
            sheet.write_datetime(row, column, datetime(value.year, value.month, value.day), self._day)  # noqa: DTZ001
        elif isinstance(value, Decimal):
            # A cell holds a float; what it would round stays text.
            if Decimal(repr(float(value))) == value:
                sheet.write_number(row, column, float(value), style)
            else:
                sheet.write_string(row, column, f"{value}", style)
        elif value is not None:
            sheet.write_number(row, column, value, style)
