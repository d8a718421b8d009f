"""Records that name another project than the one whose list was asked for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from procore_simulator.faults import Fault
from support.oracle import differences, readable_projects
from support.worker import Install, Installation, incomplete, scope
from sync_worker.model import Verdict


def answered(here: Installation, records: list[dict[str, Any]], times: int = 1_000) -> int:
    """Let the first project's RFIs be these records; the number of the project."""
    project = readable_projects(here.simulator)[0]
    here.simulator.faults.add(
        Fault(path=f"*/{project}/rfis[?]*", body=json.dumps(records), times=times, headers={"Total": str(len(records))})
    )
    return project


def test_an_answer_of_another_project_is_asked_again_and_never_stored(install: Install) -> None:
    here = install()
    here.run("rfis")
    before, marks = here.query("SELECT * FROM rfis"), here.marks()
    other = readable_projects(here.simulator)[1]
    project = answered(here, [{"id": 991, "project": {"id": other}}, {"id": 992, "project_id": str(other)}])

    report = here.run("rfis", full_refresh=True)

    line = scope(report, "rfis", project)
    assert (line.verdict, line.requests, line.deleted) == (Verdict.FAILED, 3, 0)
    assert line.error == (
        f"bad payload: the answer is of another list: the record belongs to project {other}, not to {project}"
    )
    assert here.query("SELECT * FROM rfis") == before
    assert here.marks()["rfis", project] == marks["rfis", project]


def test_one_answer_of_another_project_costs_another_reading(install: Install) -> None:
    here = install()
    answered(here, [{"id": 991, "project_id": 4711}], times=1)

    assert incomplete(here.run("rfis")) == []

    assert differences(here.simulator, here.database, streams=["rfis"]) == []


def test_a_record_of_another_project_among_ours_is_set_aside_and_the_list_is_not_complete(install: Install) -> None:
    here = install()
    project = answered(here, [{"id": 991, "project_id": None}, {"id": 992, "project_id": 4711}])

    report = here.run("rfis")

    reason = f"the record belongs to project 4711, not to {project}"
    line = scope(report, "rfis", project)
    assert (line.verdict, line.error) == (Verdict.INEXACT, f"{reason}; it is quarantined, see _quarantine")
    assert here.query("SELECT id FROM rfis WHERE project_id = ?", project) == [(991,)]
    assert here.query("SELECT reason, record FROM _quarantine") == [(reason, '{"id": 992, "project_id": 4711}')]
    assert ("rfis", project) not in here.marks()


def test_a_list_of_deleted_records_of_another_project_deletes_nothing_here(install: Install) -> None:
    here = install()
    here.run("rfis")
    project = readable_projects(here.simulator)[0]
    alive = [truth.record["id"] for truth in here.simulator.world.records("rfis", project_id=project)][:2]
    told = [{"id": alive[0], "project_id": project + 1}, {"id": alive[1], "project_id": project}]
    here.simulator.faults.add(
        Fault(path=f"*/{project}/rfis/recycle_bin*", body=json.dumps(told), headers={"Total": "2"})
    )

    here.run("rfis")

    assert here.query("SELECT id FROM rfis WHERE _deleted_at NOTNULL") == [(alive[1],)]


def test_a_record_in_the_lists_of_two_projects_is_told_at_every_whole_reading(install: Install) -> None:
    here = install()
    for project in readable_projects(here.simulator):
        here.simulator.faults.add(
            Fault(
                path=f"*/{project}/rfis[?]*",
                body=json.dumps([{"id": 991, "subject": f"of {project}"}, {"id": project}]),
                times=1_000,
                headers={"Total": "2"},
            )
        )

    for _ in range(3):
        report = here.run("rfis", full_refresh=True)
        (told,) = [line for line in report.scopes if line.stream == "rfis" and line.verdict != Verdict.COMPLETE]
        assert (told.verdict, told.requests) == (Verdict.INEXACT, 1)
        assert str(told.error).startswith("record 991 is also in the list of project_id ")
        assert "primary_key needs project_id" in str(told.error)


def test_a_record_that_moved_between_two_runs_is_in_one_list(install: Install) -> None:
    here = install()
    first, second = readable_projects(here.simulator)
    here.run("rfis")
    for old, new in ((first, second), (second, first)):
        moved = here.simulator.world.records("rfis", project_id=old)[0].record["id"]
        here.simulator.world.move("rfis", moved, new)
        assert incomplete(here.run("rfis", full_refresh=True)) == []
        assert here.query("SELECT project_id, _deleted_at FROM rfis WHERE id = ?", moved) == [(new, None)]


@pytest.mark.parametrize("deletes", ["soft", "ignore"])
def test_records_that_left_a_list_are_no_repeated_keys_though_their_rows_are_not_marked(
    install: Install, deletes: str
) -> None:
    here = install(config={"streams": {"rfis": {"deletes": deletes}}, "limits": {"max_concurrency": 1}})
    first, second = readable_projects(here.simulator)
    here.run("rfis")
    moved = [truth.record["id"] for truth in here.simulator.world.records("rfis", project_id=first)]
    for record_id in moved:
        here.simulator.world.move("rfis", record_id, second)

    # As many as these are not marked at once: they wait for a second reading, or nobody marks them.
    assert incomplete(here.run("rfis", full_refresh=True)) == []

    assert here.query("SELECT id FROM rfis WHERE project_id = ?", first) == []
    assert differences(here.simulator, here.database, streams=["rfis"]) == []
