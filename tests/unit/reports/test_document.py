"""Formats draw any document: one of amounts of money, of lines over days, and without a column for projects."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import cast

import pytest

from support.reports import CHICAGO, NOW, issue_of
from sync_worker.destination.protocol import Transaction
from sync_worker.model import Verdict
from sync_worker.reports.coverage import Coverage, IncludedProject
from sync_worker.reports.data import ReportData
from sync_worker.reports.document import Bar, Bars, Cell, Column, Document, Figure, Lines, PageTable, Table, Tile
from sync_worker.reports.formats import render
from sync_worker.reports.issue import Issue
from sync_worker.reports.previous import Figures

COVERAGE = Coverage([IncludedProject(CHICAGO, Verdict.COMPLETE, NOW)], [])
DAYS = [date(2026, 3, day) for day in range(1, 6)]


def last(made_at: datetime = NOW - timedelta(days=9), **values: Figure) -> Figures:
    return Figures(made_at, made_at, frozenset(), frozenset({1}), values)


def exposure() -> Issue:
    """Return a report on money: two tables, a chart of amounts without a part, and lines with a gap."""
    document = Document(
        headline="1,250.50 is not priced.",
        blocks=[
            Tile("Exposure", "1,250.50", tone="warn"),
            Bars("By vendor", [Bar("Acme", Decimal("1250.50"))], "vendors", "Vendors", "vendor", measures=["amount"]),
            PageTable("Events", [Column("Event"), Column("Amount", "number")], [[Cell("CE 1"), Cell("1,250.50")]]),
            Lines("On site", DAYS, {"workers": [4, 6, None, 5, None], "=1+1": [32, 48, None, 40, 41]}, "manpower"),
        ],
        tables=[
            Table("events", "Events", ("event", "amount"), [("CE 1", Decimal("1250.50")), ("CE 2", None)]),
            Table("changes", "Changes", ("change", "due_on"), [("=PCO", date(2026, 3, 1))]),
        ],
        figures={"exposure": Decimal("1250.50"), "events": 2},
        warnings=["Amounts in two currencies are not added."],
        rules=["Exposure is the latest cost of open events."],
    )
    return issue_of(document, COVERAGE, last(exposure=Decimal(1000)))


def test_json_has_each_chart_and_table_under_its_key() -> None:
    found = json.loads(render(exposure(), "json")["rfi_ageing.json"])

    assert found["figures"] == {"exposure": "1250.50", "events": 2}
    assert found["last_issue"] == {"made_at": "2026-02-23T18:00:00Z", "exposure": "1000"}
    assert found["vendors"] == [{"name": "Acme", "amount": "1250.50"}]
    assert found["events"] == [{"event": "CE 1", "amount": "1250.50"}, {"event": "CE 2", "amount": None}]
    assert found["changes"] == [{"change": "=PCO", "due_on": "2026-03-01"}]
    assert found["manpower"][1:3] == [
        {"day": "2026-03-02", "workers": 6, "=1+1": 48},
        {"day": "2026-03-03", "workers": None, "=1+1": None},
    ]


def test_csv_is_a_file_for_each_table() -> None:
    files = render(exposure(), "csv")

    assert list(files) == ["rfi_ageing.csv", "rfi_ageing_changes.csv", "rfi_ageing_projects.csv"]
    rows = csv.DictReader(io.StringIO(files["rfi_ageing_changes.csv"].decode("utf-8-sig"), newline=""))
    assert list(rows) == [{"change": "'=PCO", "due_on": "2026-03-01"}]


def test_a_page_draws_amounts_and_lines_with_their_gaps() -> None:
    page = render(exposure(), "html")["rfi_ageing.html"].decode()

    assert '<span class="count">1,250.50</span>' in page
    assert "Amounts in two currencies are not added." in page
    assert re.findall(r'<path class="line\d" d="([^"]+)"', page) == [
        "M0.00 91.67h0L25.00 87.50M75.00 89.58h0",
        "M0.00 33.33h0L25.00 0.00M75.00 16.67h0L100.00 14.58",
    ]
    assert re.findall(r"<section class=\"(\w+)\">", page) == ["tiles", "charts", "table", "charts"]


def test_a_workbook_has_a_sheet_for_each_table_and_draws_other_charts_on_its_summary() -> None:
    with zipfile.ZipFile(io.BytesIO(render(exposure(), "xlsx")["rfi_ageing.xlsx"])) as book:
        names = re.findall(r'<sheet name="([^"]+)"', book.read("xl/workbook.xml").decode())
        charts = [name for name in book.namelist() if name.startswith("xl/charts/chart")]
        chart = book.read(charts[0]).decode()

    assert names == ["Summary", "Events", "Changes", "Vendors", "Projects"]
    assert (len(charts), "c:lineChart" in chart, chart.count("<c:ser>")) == (1, True, 2)
    assert re.findall(r"<c:tx><c:strRef><c:f>([^<]+)", chart) == ["Summary!$B$9", "Summary!$C$9"]


def test_a_document_of_a_headline_is_a_report_in_every_format() -> None:
    nothing = issue_of(Document("Nothing is due.", [Bars("Due", []), Lines("Done", [], {})]), COVERAGE)

    assert all(render(nothing, form) for form in ("html", "csv", "xlsx", "json"))
    assert "Nothing is due." in render(nothing, "html")["rfi_ageing.html"].decode()


@pytest.mark.parametrize("form", ["html", "xlsx", "json"])
def test_a_block_of_a_kind_that_a_format_does_not_know_is_refused(form: str) -> None:
    unknown = cast(Tile, ("a map",))

    with pytest.raises(AssertionError, match="a map"):
        render(issue_of(Document("Nothing is due.", [unknown]), COVERAGE), form)


@pytest.mark.parametrize(
    ("now", "before", "week_ago", "trend"),
    [
        (Decimal("1250.50"), last(cost=Decimal(1000)), None, "▲ 250.50 more since 23 Feb"),
        (3, last(cost=1003), 7, "▼ 1,000 fewer since 23 Feb"),
        (3, last(datetime(2025, 12, 1, tzinfo=UTC), cost=3), None, "= no change since 1 Dec 2025"),
        (3, last(other=3), None, ""),
        (3, last(other=3), 2, "▲ 1 more in a week"),
        (3, None, None, ""),
    ],
)
def test_a_trend_is_since_the_last_issue_that_has_the_figure(
    now: Figure, before: Figures | None, week_ago: Figure | None, trend: str
) -> None:
    data = ReportData(cast("Transaction", None), [CHICAGO], NOW, before)

    assert data.trend("cost", now, week_ago) == trend
