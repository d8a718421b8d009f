"""A report made of rows that a test chose, without a database."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sync_worker.model import Verdict
from sync_worker.reports.ageing import measure
from sync_worker.reports.coverage import Coverage, ExcludedProject, IncludedProject, ReportedProject
from sync_worker.reports.query import Employers, ReportRow
from sync_worker.reports.story import Issue

NOW = datetime(2026, 3, 4, 18, tzinfo=UTC)
"""A Wednesday noon in Chicago."""
CHICAGO = ReportedProject(1, 9, "Lakeview", "25-101", is_active=True, zone=ZoneInfo("America/Chicago"))


def row(**values: Any) -> ReportRow:
    """An RFI that was handed in two days ago; objects and lists are given as such."""
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
    return ReportRow(**plain | given)  # type: ignore[arg-type]  # a test says what it likes


def person(number: int, name: str) -> dict[str, Any]:
    """A reference as records hold it."""
    return {"id": number, "login": f"{number}@example", "name": name}


def issue(
    *rows: ReportRow,
    employers: Mapping[tuple[int | None, int], str] | None = None,
    included: Sequence[IncludedProject] = (IncludedProject(CHICAGO, Verdict.COMPLETE, NOW),),
    left_out: Sequence[ExcludedProject] = (),
    now: datetime = NOW,
) -> Issue:
    """The report of these rows."""
    projects = [each.project for each in included]
    return Issue(
        name="rfi_ageing",
        title="RFI ageing",
        noun="RFI",
        companies=["Halvorsen"],
        standing=Coverage(included, left_out),
        ageing=measure(rows, projects, Employers(employers or {}), now),
        is_selection=False,
        rendered_at=now,
    )
