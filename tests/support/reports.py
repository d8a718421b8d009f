"""Reports of rows that a test chooses, without a database."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, cast
from zoneinfo import ZoneInfo

from sync_worker.destination.protocol import Transaction
from sync_worker.model import Verdict
from sync_worker.reports.ageing import Ageing, AgeingRow, measure
from sync_worker.reports.ageing_report import describe
from sync_worker.reports.coverage import Coverage, ExcludedProject, IncludedProject, ReportedProject
from sync_worker.reports.data import Employers, ReportData
from sync_worker.reports.document import Document
from sync_worker.reports.issue import Issue
from sync_worker.reports.previous import Figures

NOW = datetime(2026, 3, 4, 18, tzinfo=UTC)
"""A Wednesday noon in Chicago."""
CHICAGO = ReportedProject(1, 9, "Lakeview", "25-101", is_active=True, zone=ZoneInfo("America/Chicago"))


def row(**values: Any) -> AgeingRow:
    """Return an RFI that was submitted two days ago; objects and lists are given as they are."""
    plain = {
        "id": 7,
        "project_id": 1,
        "number": "007",
        "title": "Anchor bolts",
        "link": "https://app.procore.example/7",
        "state": "open",
        "opened_at": "2026-03-02T15:00:00Z",
        "due_on": "2026-03-09",
        "closed_at": None,
        "holder": None,
        "holders": None,
        "contractor": None,
        "cost_impact": None,
        "schedule_impact": None,
    }
    given = {name: json.dumps(value) if isinstance(value, dict | list) else value for name, value in values.items()}
    return AgeingRow(**plain | given)  # type: ignore[arg-type]  # a test says what it likes


def person(number: int, name: str) -> dict[str, Any]:
    """Return a reference to a person as records hold it."""
    return {"id": number, "login": f"{number}@example", "name": name}


def aged(
    *rows: AgeingRow,
    employers: Mapping[tuple[int | None, int], str] | None = None,
    projects: Sequence[ReportedProject] = (CHICAGO,),
    now: datetime = NOW,
) -> Ageing:
    """Return the ageing of these rows."""
    return measure(rows, projects, Employers(employers or {}), now)


def issue(
    *rows: AgeingRow,
    included: Sequence[IncludedProject] = (IncludedProject(CHICAGO, Verdict.COMPLETE, NOW),),
    left_out: Sequence[ExcludedProject] = (),
    last: Figures | None = None,
) -> Issue:
    """Return the ageing report of these rows."""
    coverage = Coverage(included, left_out)
    # Nothing is read from the view once the rows are there.
    data = ReportData(cast("Transaction", None), coverage.projects, NOW, last)
    document = describe(data, aged(*rows, projects=coverage.projects), "RFI")
    return issue_of(document, coverage, last)


def issue_of(document: Document, coverage: Coverage, last: Figures | None = None) -> Issue:
    """Return a report with this document."""
    return Issue("rfi_ageing", "RFI ageing", ["Halvorsen"], coverage, document, (), NOW, last)
