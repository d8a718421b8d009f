"""One (stream, project) that may not be read, or cannot be, leaves the others alone."""

from __future__ import annotations

import pytest

from procore_simulator.faults import Fault
from support.oracle import differences, readable_projects
from support.worker import A_FEW, Install, Installation, advance, incomplete, scope, verdicts
from sync_worker.catalog.spec import ScopeKind
from sync_worker.cli.run import exit_code
from sync_worker.model import Outcome, Verdict

OF_PROJECTS = {spec.name for spec in A_FEW.values() if spec.scope is ScopeKind.PROJECT}


def others_equal(here: Installation, *streams: str) -> bool:
    """Whether every table but these equals Procore's truth."""
    rest = [name for name in here.simulator.world.streams if name not in streams]
    return differences(here.simulator, here.database, streams=rest) == []


def failing(pattern: str, status: int = 500) -> Fault:
    return Fault(path=pattern, status=status, times=1_000)


def test_a_forbidden_tool_is_not_permitted_keeps_its_rows_and_stops_nothing(install: Install) -> None:
    here = install(streams=A_FEW)
    project = readable_projects(here.simulator)[0]
    here.run()
    kept, mark = (
        here.query("SELECT * FROM submittals WHERE project_id = ?", project),
        here.marks()["submittals", project],
    )

    here.simulator.permissions.forbid("submittals", project)
    advance(here.simulator, 3600)
    report = here.run()

    line = scope(report, "submittals", project)
    assert line.verdict == Verdict.NOT_PERMITTED
    assert line.error is not None
    assert "403" in line.error
    assert "You do not have permission to access this resource" in line.error
    assert line.requests == 1
    assert [(stream, at) for stream, at, _, _ in incomplete(report)] == [("submittals", project)]
    assert report.totals.outcome is Outcome.SUCCEEDED
    assert kept
    assert here.query("SELECT * FROM submittals WHERE project_id = ?", project) == kept
    assert here.marks()["submittals", project] == mark < here.marks()["rfis", project]


def test_a_list_that_does_not_exist_for_us_is_not_permitted(install: Install) -> None:
    here = install(streams=A_FEW)
    here.simulator.faults.add(failing("*/submittals[?]*", status=404))

    report = here.run()

    found = {verdict for (stream, _), verdict in verdicts(report).items() if stream == "submittals"}
    assert found == {Verdict.NOT_PERMITTED}
    assert report.totals.outcome is Outcome.SUCCEEDED
    assert others_equal(here, "submittals")


def test_a_tool_permitted_again_is_caught_up_with_from_the_mark(install: Install) -> None:
    here = install(streams=A_FEW)
    project = readable_projects(here.simulator)[0]
    here.run()
    here.simulator.permissions.forbid("rfis", project)
    for _ in range(2):
        advance(here.simulator, 86_400)
        here.simulator.world.insert("rfis", project_id=project)
        here.run()

    here.simulator.permissions.permit("rfis", project)
    report = here.run()

    assert incomplete(report) == []
    assert scope(report, "rfis", project).inserted == 2
    assert differences(here.simulator, here.database) == []


def test_a_project_that_is_no_longer_listed_is_told_of_without_a_call_and_keeps_its_rows(install: Install) -> None:
    here = install(streams=A_FEW, projects=3)
    gone, *_ = readable_projects(here.simulator)
    here.run()
    kept = here.query("SELECT * FROM rfis WHERE project_id = ?", gone)
    here.simulator.requests.clear()

    here.simulator.permissions.hide_project(gone)
    report = here.run()

    told = {(stream, verdict) for stream, at, verdict, _ in incomplete(report) if at == gone}
    assert told == {(stream, Verdict.NOT_PERMITTED) for stream in OF_PROJECTS}
    assert {request.status for request in here.simulator.requests} == {200}
    assert report.totals.outcome is Outcome.SUCCEEDED
    assert here.query("SELECT * FROM rfis WHERE project_id = ?", gone) == kept
    assert differences(here.simulator, here.database, streams=["projects"]) == []


def test_a_project_that_becomes_inactive_says_so_and_keeps_its_rows(install: Install) -> None:
    here = install()
    project = readable_projects(here.simulator)[0]
    here.run("rfis", "meetings")
    rows = [here.query(f"SELECT * FROM {stream} ORDER BY id") for stream in ("rfis", "meetings")]
    here.simulator.world.update("projects", project, {"active": False})

    for _ in range(2):
        assert incomplete(here.run("rfis", "meetings", full_refresh=True)) == []

    assert here.query("SELECT active, _deleted_at FROM projects WHERE id = ?", project) == [(0, None)]
    assert [here.query(f"SELECT * FROM {stream} ORDER BY id") for stream in ("rfis", "meetings")] == rows


def test_a_configured_project_that_procore_never_listed_is_told_of(install: Install) -> None:
    here = install(projects=3)
    hidden, seen = readable_projects(here.simulator)[:2]
    here.config = {"procore": here.config.get("procore", {}) | {"projects": {"include": [hidden, seen]}}}
    here.simulator.permissions.hide_project(hidden)

    report = here.run("rfis")

    assert scope(report, "rfis", hidden).verdict == Verdict.NOT_PERMITTED
    assert scope(report, "rfis", seen).verdict == Verdict.COMPLETE


def test_a_failing_list_fails_alone_and_the_next_run_heals_it(install: Install) -> None:
    here = install(streams=A_FEW)
    project = readable_projects(here.simulator)[0]
    here.simulator.faults.add(failing(f"*/{project}/submittals[?]*"))

    report = here.run()

    line = scope(report, "submittals", project)
    assert (line.verdict, line.requests) == (Verdict.FAILED, 2)
    assert line.error is not None
    assert "500" in line.error
    assert [(stream, at) for stream, at, _, _ in incomplete(report)] == [("submittals", project)]
    assert report.totals.outcome is Outcome.PARTIAL
    assert ("submittals", project) not in here.marks()
    assert others_equal(here, "submittals")

    here.simulator.faults.clear()
    assert incomplete(here.run()) == []
    assert differences(here.simulator, here.database) == []


def test_a_list_that_fails_on_a_later_page_keeps_what_came_and_moves_no_mark(install: Install) -> None:
    here = install(most_per_page=5)
    project = readable_projects(here.simulator)[0]
    here.simulator.faults.add(failing(f"*/{project}/rfis[?]page=2&*"))

    report = here.run("rfis")

    assert scope(report, "rfis", project).verdict == Verdict.FAILED
    assert scope(report, "rfis", project).inserted == 5
    assert here.query("SELECT count(*) FROM rfis WHERE project_id = ?", project) == [(5,)]
    assert ("rfis", project) not in here.marks()


def test_what_is_nested_in_a_failed_list_is_not_asked_for(install: Install) -> None:
    here = install(streams=A_FEW)
    here.run()
    here.simulator.requests.clear()
    here.simulator.faults.add(failing("/rest/v1.0/work_order_contracts[?]*"))

    report = here.run()

    for project in readable_projects(here.simulator):
        line = scope(report, "work_order_contract_line_items", project)
        assert (line.verdict, line.requests) == (Verdict.FAILED, 0)
        assert line.error is not None
        assert "work_order_contracts" in line.error
    assert here.asked("work_order_contract_line_items") == []
    assert others_equal(here)


def test_what_is_nested_in_a_forbidden_list_is_not_asked_for(install: Install) -> None:
    here = install(streams=A_FEW)
    here.simulator.permissions.forbid("schedules")

    report = here.run()

    for project in readable_projects(here.simulator):
        assert verdicts(report)["schedules", project] == Verdict.NOT_PERMITTED
        assert verdicts(report)["schedule_activities", project] == Verdict.NOT_PERMITTED
    assert here.asked("schedule_activities") == []
    assert report.totals.outcome is Outcome.SUCCEEDED


def test_one_parents_refused_list_leaves_its_siblings_read(install: Install) -> None:
    here = install(streams=A_FEW, scale=0.5)
    contracts = [
        truth.record["id"]
        for truth in here.simulator.world.records("work_order_contracts")
        if truth.project_id == readable_projects(here.simulator)[0]
    ]
    assert len(contracts) > 1
    here.simulator.faults.add(failing(f"*/work_order_contracts/{contracts[0]}/line_items[?]*", status=403))

    report = here.run()

    line = scope(report, "work_order_contract_line_items", readable_projects(here.simulator)[0])
    assert line.verdict == Verdict.NOT_PERMITTED
    assert line.error is not None
    assert f"1 of {len(contracts)}" in line.error
    read = here.query("SELECT DISTINCT work_order_contract_id FROM work_order_contract_line_items")
    assert {(id_,) for id_ in contracts[1:]} <= set(read)
    assert (contracts[0],) not in read
    assert others_equal(here, "work_order_contract_line_items")


def test_projects_known_from_before_are_read_when_their_list_fails(install: Install) -> None:
    here = install(streams=A_FEW)
    here.run()
    advance(here.simulator, 3600)
    for project in readable_projects(here.simulator):
        here.simulator.world.insert("rfis", project_id=project)
    here.simulator.faults.add(failing("/rest/v1.1/projects[?]*"))

    report = here.run()

    assert [(stream, verdict) for stream, _, verdict, _ in incomplete(report)] == [("projects", Verdict.FAILED)]
    assert differences(here.simulator, here.database) == []


def test_a_company_that_the_app_is_not_connected_to_fails_the_run_though_companies_can_be_read(
    install: Install,
) -> None:
    here = install()
    here.simulator.permissions.disconnect(here.simulator.company_id)

    report = here.run("projects", "rfis", "vendors")

    assert report.totals.outcome is Outcome.FAILED
    assert exit_code(report) == 3


def test_a_project_asked_for_by_a_number_that_is_not_listed_is_nothing_read(install: Install) -> None:
    here = install()

    report = here.run("rfis", projects=[4711])

    assert {(line.stream, line.verdict) for line in report.scopes if line.project_id} == {("rfis", "not_permitted")}
    assert exit_code(report) == 3


def test_a_company_without_projects_is_read_in_full(install: Install) -> None:
    here = install()
    for project in here.simulator.world.project_ids:
        here.simulator.permissions.hide_project(project)

    report = here.run("rfis")

    assert report.totals.outcome is Outcome.SUCCEEDED


@pytest.mark.parametrize("start_date", [None, "2031-01-01"])
def test_daily_logs_are_read_though_the_project_does_not_say_when_it_began(
    install: Install, start_date: str | None
) -> None:
    here = install(projects=1)
    (project,) = readable_projects(here.simulator)
    here.simulator.world.update("projects", project, {"start_date": start_date, "created_at": None})

    here.run("manpower_logs")

    wanted = here.simulator.world.records("manpower_logs", project_id=project)
    assert here.query("SELECT count(*) FROM manpower_logs") == [(len(wanted),)]
