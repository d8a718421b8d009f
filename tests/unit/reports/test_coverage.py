from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from sync_worker.model import Verdict
from sync_worker.reports.coverage import (
    Choice,
    Coverage,
    ExcludedProject,
    IncludedProject,
    Reason,
    ReportedProject,
    coverage_of,
)
from sync_worker.state.history import LatestScope

MONDAY = datetime(2026, 3, 2, 6, tzinfo=UTC)
TUESDAY = datetime(2026, 3, 3, 6, tzinfo=UTC)


def project(number: int, **values: Any) -> ReportedProject:
    """Return a project of company 9."""
    return ReportedProject(number, 9, f"P{number}", f"{number:02}", **{"is_active": True} | values)


def line(number: int | None, verdict: str = "complete", mark: datetime | None = MONDAY, **values: Any) -> LatestScope:
    """Return the last line of the ledger on the RFIs of a project."""
    plain = {"stream": "rfis", "company_id": 9, "error": None, "run_id": "r", "requests": 1, "finished_at": TUESDAY}
    return LatestScope(**plain | {"project_id": number, "verdict": Verdict(verdict), "mark": mark} | values)  # type: ignore[arg-type]


def sorted_out(found: Coverage) -> dict[int, str]:
    """Return the verdict or the reason of each project."""
    told = {each.project.project_id: str(each.verdict) for each in found.included}
    return told | {each.project.project_id: str(each.reason) for each in found.excluded}


def test_every_project_is_told_of_or_excluded_with_the_reason() -> None:
    projects = [project(1), project(2), project(3), project(4), project(5, is_active=False), project(6)]
    scopes = [
        line(1),
        line(2, "inexact"),
        line(3, "not_permitted", error="You do not have permission"),
        line(4, "failed", mark=None, error="500"),
        line(5),
        line(6, stream="submittals"),
        line(7, "not_permitted", mark=None),
        line(8, "complete", mark=None),
    ]

    found = coverage_of(projects, scopes, ["rfis"], Choice())

    assert sorted_out(found) == {
        1: "complete",
        2: "inexact",
        3: "not permitted",
        4: "failed",
        5: "inactive",
        6: "never read",
        7: "not permitted",
        8: "not read since its mark was removed",
    }
    assert {each.project.project_id: each.detail for each in found.excluded if each.detail} == {
        3: "You do not have permission",
        4: "500",
    }


def test_data_is_as_old_as_the_oldest_mark_of_a_stream_that_is_needed() -> None:
    scopes = [
        line(1, mark=TUESDAY),
        line(1, stream="answers", mark=MONDAY),
        line(1, stream="other", mark=datetime(2020, 1, 1, tzinfo=UTC)),
    ]

    found = coverage_of([project(1), project(2)], [*scopes, line(2, mark=TUESDAY)], ["rfis"], Choice())
    both = coverage_of([project(1)], scopes, ["rfis", "answers"], Choice())

    assert found.as_of == datetime(2026, 3, 3, 6, tzinfo=UTC)
    assert both.as_of == datetime(2026, 3, 2, 6, tzinfo=UTC)


def test_a_stream_of_the_company_counts_for_each_of_its_projects() -> None:
    found = coverage_of(
        [project(1)], [line(1), line(None, "failed", stream="users", error="500")], ["rfis", "users"], Choice()
    )

    assert found.included == [IncludedProject(project(1), Verdict.FAILED, datetime(2026, 3, 2, 6, tzinfo=UTC), "500")]


def test_what_was_proven_before_a_failure_is_told_as_of_then() -> None:
    (told,) = coverage_of([project(1)], [line(1, "failed", mark=MONDAY, error="500")], ["rfis"], Choice()).included

    assert (told.verdict, told.as_of, told.error) == (Verdict.FAILED, datetime(2026, 3, 2, 6, tzinfo=UTC), "500")


def test_a_stream_that_was_never_read_leaves_the_project_out() -> None:
    assert coverage_of([project(1)], [line(1)], ["rfis", "answers"], Choice()).excluded == [
        ExcludedProject(project(1), Reason.NEVER_READ)
    ]


@pytest.mark.parametrize(
    ("choice", "told"),
    [
        (Choice(), {1: "complete", 2: "inactive", 3: "complete"}),
        (Choice(inactive=True), {1: "complete", 2: "complete", 3: "complete"}),
        (Choice(include=(1, 2)), {1: "complete", 2: "complete", 3: "left out in the configuration"}),
        (Choice(exclude=(3,)), {1: "complete", 2: "inactive", 3: "left out in the configuration"}),
        (Choice(requested=frozenset({2})), {2: "complete"}),
        (Choice(requested=frozenset({3}), exclude=(3,)), {3: "complete"}),
    ],
)
def test_the_user_chooses_the_projects(choice: Choice, told: dict[int, str]) -> None:
    projects = [project(1), project(2, is_active=False), project(3)]

    assert sorted_out(coverage_of(projects, [line(1), line(2), line(3)], ["rfis"], choice)) == told
