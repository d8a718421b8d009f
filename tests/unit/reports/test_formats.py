"""What the formats of a report hold: their structure, what is left out, and text that means harm."""

from __future__ import annotations

import csv
import io
import json
import re
import xml.etree.ElementTree as ET
import zipfile
from collections.abc import Sequence
from datetime import timedelta
from html.parser import HTMLParser

import pytest

from support.reports import CHICAGO, NOW, issue, person, row
from sync_worker.errors import ConfigurationError
from sync_worker.model import Verdict
from sync_worker.reports.ageing import AgeingRow
from sync_worker.reports.coverage import ExcludedProject, IncludedProject, Reason, ReportedProject
from sync_worker.reports.formats import FORMATS, check_formats, render, usual_formats
from sync_worker.reports.issue import Issue
from sync_worker.reports.previous import Figures

HOSTILE = '<script>alert("x")</script>'
FORMULAS = ('=cmd|"/c calc"!A1', "+1+1", "-2", "@SUM(A1)", "\t=1", "\uff1d1")
NAMESPACE = {"m": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}
HIDDEN = ReportedProject(3, 9, "Hidden & Co", "25-103", is_active=True)
CLOSED = ReportedProject(4, 9, "Cascade", "24-107", is_active=False)


class Structure(HTMLParser):
    """The elements of a page, without the texts."""

    VOID = frozenset({"meta"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.depth = 0
        self.lines: list[str] = []
        self.texts: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.attributes += attrs
        name = ".".join([tag, *(dict(attrs).get("class") or "").split()])
        self.lines.append("  " * self.depth + name)
        self.depth += tag not in self.VOID

    def handle_endtag(self, _tag: str) -> None:
        self.depth -= 1

    def handle_data(self, data: str) -> None:
        self.texts.append(data.strip())

    @property
    def text(self) -> str:
        """All that is to be read."""
        return " ".join(text for text in self.texts if text)


def page_of(told: Issue) -> Structure:
    return Structure(render(told, "html")["rfi_ageing.html"].decode())


def csv_of(told: Issue, name: str = "rfi_ageing.csv") -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(render(told, "csv")[name].decode("utf-8-sig"), newline="")))


def part(book: zipfile.ZipFile, name: str) -> ET.Element:
    """Return a document of a workbook."""
    return ET.fromstring(book.read(name))  # noqa: S314 - of our own making


def sheets_of(told: Issue) -> dict[str, list[list[str]]]:
    """Return the cells of each sheet of the workbook as text, read without the library that wrote it."""
    with zipfile.ZipFile(io.BytesIO(render(told, "xlsx")["rfi_ageing.xlsx"])) as book:
        names = [each.attrib["name"] for each in part(book, "xl/workbook.xml").iterfind(".//m:sheet", NAMESPACE)]
        shared = ["".join(text.itertext()) for text in part(book, "xl/sharedStrings.xml")]
        found: dict[str, list[list[str]]] = {}
        for number, name in enumerate(names, start=1):
            sheet = part(book, f"xl/worksheets/sheet{number}.xml")
            assert sheet.findall(".//m:f", NAMESPACE) == []
            found[name] = [
                [
                    shared[int(cell[0].text or 0)] if cell.get("t") == "s" else cell[0].text or ""
                    for cell in line
                    if len(cell)
                ]
                for line in sheet.iterfind(".//m:row", NAMESPACE)
            ]
        return found


def two_of_four() -> Issue:
    """Return a report with one open and one overdue RFI, and three projects left out."""
    return issue(
        row(id=1, number="001", holder=person(1, "Renée Peña")),
        row(id=2, number="002", due_on="2026-03-01", cost_impact={"status": "yes_known", "value": 4250}),
        included=[IncludedProject(CHICAGO, Verdict.INEXACT, NOW - timedelta(hours=3), "the list moved")],
        left_out=[
            ExcludedProject(CLOSED, Reason.INACTIVE),
            ExcludedProject(HIDDEN, Reason.NOT_PERMITTED, "GET /3/rfis: 403"),
            ExcludedProject(HIDDEN._replace(project_id=5, name="Next to it"), Reason.NOT_PERMITTED, "GET /5/rfis: 403"),
        ],
    )


def test_the_page_leads_from_the_sentence_to_how_it_was_counted() -> None:
    lines = page_of(two_of_four()).lines

    body = lines[lines.index("  body") :]
    outline = [line.strip() for line in body if re.match(r" {2,6}\w", line)]
    assert outline == [
        "body",
        "header", "p.kicker", "h1",
        "aside.warnings", "p",
        "section.tiles", *["div.tile." + tone for tone in ("bad", "warn", "good", "warn", "warn")],
        "section.charts", "figure", "figure", "figure", "figure",
        "section.table", "h2", "table", "p.note",
        "footer", "section", "section.left-out", "section", "p.stamp",
    ]  # fmt: skip
    assert [line.strip() for line in lines].count("li") == 18


def test_a_page_says_how_old_how_complete_and_what_is_not_in_it() -> None:
    text = page_of(two_of_four()).text

    assert "1 RFI is overdue" in text
    assert "Data as of 4 Mar 2026, 15:00 UTC" in text
    assert "Made 4 Mar 2026, 18:00 UTC" in text
    assert "Lakeview: the list changed while it was read" in text
    assert "inexact" in text
    assert "1 inactive Cascade" in text
    assert "2 not permitted Hidden & Co, Next to it" in text
    assert "/rfis: 403" not in text
    assert "Monday to Friday" in text


def test_a_figure_says_by_an_arrow_and_in_words_how_it_moved() -> None:
    def moved(*rows: AgeingRow) -> str:
        return page_of(issue(*rows)).text

    long_ago = {"opened_at": "2026-01-01T12:00:00Z", "due_on": "2026-01-08"}
    closed = row(state="closed", closed_at="2026-03-01T12:00:00Z", **long_ago)
    assert "▲ 1 more in a week" in moved(row(due_on="2026-03-01"))
    assert "▼ 1 fewer in a week" in moved(closed)
    assert "= no change in a week" in moved(row(**long_ago))


def test_a_colour_is_said_in_a_word_too() -> None:
    text = page_of(two_of_four()).text

    assert "Overdue act 1 50 % of what is open" in text
    assert "Open watch 2 " in text
    assert "Over 30 days fine 0 " in text


def test_where_an_earlier_issue_is_kept_figures_are_compared_with_that() -> None:
    rows = row(due_on="2026-03-01"), row(id=8, cost_impact={"status": "yes_unknown"})
    values = {"open": 5, "overdue": 1, "over_30_days": 0, "with_cost_or_schedule_impact": 0}
    figures = Figures(NOW, NOW - timedelta(days=9), frozenset(), frozenset({1}), values)

    text = page_of(issue(*rows, last=figures)).text
    assert "▼ 3 fewer since 23 Feb" in text
    assert "= no change since 23 Feb" in text
    assert "▲ 1 more since 23 Feb" in text
    assert "the last issue for these projects, made 23 Feb 2026, 18:00 UTC" in text
    assert "in a week" not in text
    of_today = figures._replace(made_at=NOW - timedelta(hours=1))
    assert "since 17:00 UTC" in page_of(issue(*rows, last=of_today)).text
    others = figures._replace(projects=frozenset({2, 3}))
    assert "include a change of projects: 1 came in and 2 left." in page_of(issue(*rows, last=others)).text


def test_a_page_shows_the_worst_at_once_more_on_demand_and_says_where_the_rest_is() -> None:
    told = issue(*(row(id=number, number=f"N{number}", title=f"T{number}.") for number in range(502)))
    found = page_of(told)

    assert (found.text.count("T0."), found.text.count("T97."), found.text.count("T98.")) == (1, 1, 0)
    assert "475 more" in found.text
    assert "2 more are in this report's CSV" in found.text
    assert len(csv_of(told)) == 502


def test_data_of_days_ago_is_said_before_the_figures() -> None:
    def warned(hours: int) -> bool:
        told = issue(row(), included=[IncludedProject(CHICAGO, Verdict.COMPLETE, NOW - timedelta(hours=hours))])
        return "section.warnings" in page_of(told).lines or "days old" in page_of(told).text

    assert not warned(30)
    assert warned(72)


def test_a_page_needs_no_script_and_nothing_from_elsewhere() -> None:
    found = page_of(two_of_four())

    assert not {"script", "link", "img", "iframe"} & {line.strip() for line in found.lines}
    assert not [name for name, _ in found.attributes if name.startswith("on") or name == "src"]
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in found.attributes


def test_a_report_of_nothing_says_so() -> None:
    assert "No RFI is open." in page_of(issue()).text
    assert [len(rows) for rows in sheets_of(issue()).values()][1:] == [1, 1, 1, 2]
    assert csv_of(issue()) == []


def test_markup_in_a_text_from_procore_is_only_text() -> None:
    told = issue(
        row(title=HOSTILE, number=HOSTILE, holder=person(1, HOSTILE), link='https://x/"onmouseover="alert(1)'),
        included=[IncludedProject(CHICAGO._replace(name=HOSTILE, number='"><b>'), Verdict.COMPLETE, NOW, HOSTILE)],
        left_out=[ExcludedProject(HIDDEN._replace(name=HOSTILE), Reason.FAILED, HOSTILE)],
    )
    found = page_of(told)

    assert not {"script", "b"} & {line.strip() for line in found.lines}
    assert not [name for name, _ in found.attributes if name.startswith("on")]
    assert found.text.count(HOSTILE) >= 5


@pytest.mark.parametrize("formula", FORMULAS)
def test_a_formula_in_a_text_from_procore_is_only_text(formula: str) -> None:
    told = issue(
        row(title=formula, number=formula, holder=person(1, formula)),
        included=[IncludedProject(CHICAGO._replace(name=formula, number=formula), Verdict.COMPLETE, NOW)],
        left_out=[ExcludedProject(HIDDEN._replace(name=formula), Reason.FAILED, formula)],
    )
    (line,) = csv_of(told)
    cells = [cell for rows in sheets_of(told).values() for line in rows for cell in line]

    texts = [line[name] for name in ("subject", "number", "ball_in_court", "project", "project_number")]
    texts += [each["project"] for each in csv_of(told, "rfi_ageing_projects.csv")]
    assert {text.replace("\t", "") for text in texts} == {f"'{formula.strip()}"}
    assert [cell.strip() for cell in cells].count(formula.strip()) >= 7
    assert formula in json.loads(render(told, "json")["rfi_ageing.json"])["items"][0]["subject"]


def test_a_workbook_marks_such_a_text_as_text_even_when_somebody_edits_the_cell() -> None:
    with zipfile.ZipFile(io.BytesIO(render(issue(row(title="=1+1")), "xlsx")["rfi_ageing.xlsx"])) as book:
        styles = part(book, "xl/styles.xml").findall("m:cellXfs/m:xf", NAMESPACE)
        sheet = part(book, "xl/worksheets/sheet2.xml")
    (cell,) = [cell for cell in sheet.iterfind(".//m:c", NAMESPACE) if cell.get("r") == "F2"]

    assert styles[int(cell.get("s") or 0)].get("quotePrefix") == "1"


def test_csv_opens_in_excel_with_its_accents() -> None:
    files = render(two_of_four(), "csv")

    assert all(content.startswith(b"\xef\xbb\xbf") and b"\r\n" in content for content in files.values())
    assert [line["ball_in_court"] for line in csv_of(two_of_four())] == ["", "Renée Peña"]


def test_csv_has_a_row_for_each_thing_and_one_for_each_project() -> None:
    told = two_of_four()

    worst, other = csv_of(told)
    assert (worst["id"], worst["overdue_days"], worst["cost_impact_value"], worst["due_on"]) == (
        "2",
        "3",
        "4250",
        "2026-03-01",
    )
    assert (other["age_days"], other["age_working_days"], other["age_band"]) == ("2", "2", "0–7")
    projects = csv_of(told, "rfi_ageing_projects.csv")
    assert [(each["project"], each["data_as_of"], each["verdict"], each["left_out"]) for each in projects] == [
        ("Lakeview", "2026-03-04T15:00:00Z", "inexact", ""),
        ("Cascade", "", "", "inactive"),
        ("Hidden & Co", "", "", "not permitted"),
        ("Next to it", "", "", "not permitted"),
    ]


def test_a_workbook_has_the_figures_the_tables_and_what_is_left_out() -> None:
    found = sheets_of(two_of_four())

    assert list(found) == ["Summary", "RFIs", "Companies", "Holders", "Projects"]
    summary = [" ".join(line) for line in found["Summary"]]
    assert summary[1] == "1 RFI is overdue."
    assert "Data as of 4 Mar 2026, 15:00 UTC; made 4 Mar 2026, 18:00 UTC" in summary
    assert "0–7 2 1" in summary
    assert "1 inactive: Cascade" in summary
    assert found["RFIs"][0][:5] == ["project_id", "project_number", "project", "id", "number"]
    assert found["RFIs"][1][:5] == ["1", "25-101", "Lakeview", "2", "002"]
    assert found["Holders"] == [
        ["ball_in_court", "open", "overdue"],
        ["Nobody named", "1", "1"],
        ["Renée Peña", "1", "0"],
    ]


def test_a_link_of_a_workbook_can_be_followed_as_long_as_it_leads_to_a_page() -> None:
    told = issue(
        row(id=1, link="https://x.example/1?a=1&b=<2>"),
        row(id=2, link="http://x.example/2"),
        row(id=3, link="https://" + 3_000 * "x"),
    )
    with zipfile.ZipFile(io.BytesIO(render(told, "xlsx")["rfi_ageing.xlsx"])) as book:
        followed = [each.attrib["Target"] for each in part(book, "xl/worksheets/_rels/sheet2.xml.rels")]

    assert [each for each in followed if each.startswith("http")] == ["https://x.example/1?a=1&b=%3c2%3e"]
    assert [line[-1][:18] for line in sheets_of(told)["RFIs"][1:]] == [
        "https://x.example/", "http://x.example/2", "https://xxxxxxxxxx",
    ]  # fmt: skip


def test_a_workbook_keeps_an_amount_that_a_cell_would_round() -> None:
    told = issue(row(cost_impact='{"status": "yes_known", "value": 12345678901234567.89}'))

    assert "12345678901234567.89" in sheets_of(told)["RFIs"][1]


def test_json_tells_the_same_with_amounts_as_text() -> None:
    found = json.loads(render(two_of_four(), "json")["rfi_ageing.json"])

    assert (found["data_as_of"], found["rendered_at"]) == ("2026-03-04T15:00:00Z", "2026-03-04T18:00:00Z")
    assert (found["figures"]["open"], found["figures"]["overdue"]) == (2, 1)
    assert found["bands"][0] == {"name": "0–7", "open": 2, "overdue": 1}
    assert [item["cost_impact_value"] for item in found["items"]] == ["4250", None]
    assert [each["left_out"] for each in found["projects"]] == [None, "inactive", "not permitted", "not permitted"]
    assert [each["detail"] for each in found["projects"]][2:] == ["GET /3/rfis: 403", "GET /5/rfis: 403"]


def test_a_format_that_is_not_built_is_refused_with_those_that_are() -> None:
    check_formats(FORMATS)
    with pytest.raises(ConfigurationError, match="pdf is not built yet; there are html, csv, xlsx, json"):
        check_formats(["html", "pdf"])


def test_without_the_extra_a_workbook_is_refused_by_name_and_left_out_unasked() -> None:
    with pytest.raises(ConfigurationError, match=r"pip install 'procore-sync-worker\[reports\]'"):
        check_formats(["xlsx"], is_installed=lambda _: False)

    check_formats(["html", "csv"], is_installed=lambda _: False)
    assert usual_formats(is_installed=lambda _: False) == ("html", "csv")
    assert usual_formats() == ("html", "csv", "xlsx")
