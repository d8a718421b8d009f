"""What may not be read costs a call, then one now and then; by hand it is always asked for."""

from __future__ import annotations

from collections import Counter

from procore_simulator.clocks import SteppedClock
from procore_simulator.faults import Fault
from procore_simulator.world import World
from support.oracle import differences, readable_projects
from support.worker import Install, Installation, advance, scope, verdicts
from sync_worker.catalog import STREAMS
from sync_worker.destination.sqlite import SqliteDestination
from sync_worker.model import Outcome, Verdict
from sync_worker.state.skipped import SkipReason, run_skipped

HOUR, DAY = 3_600, 86_400


def installed(install: Install, projects: int = 1) -> Installation:
    return install(world=World(projects=projects, scale=0.2, clock=SteppedClock()))


def scheduled(here: Installation, *streams: str) -> Counter[int]:
    """Run these streams as the schedule does; return the calls by status."""
    here.simulator.requests.clear()
    here.run(*streams, trigger="schedule")
    return Counter(request.status for request in here.simulator.requests)


def test_a_refused_list_costs_a_call_then_one_a_day_for_a_week_then_one_a_week(install: Install) -> None:
    here = installed(install)
    here.simulator.permissions.forbid("rfis")
    refused_on = []
    for day in range(16):
        refused_on += [day] * scheduled(here, "rfis")[403]
        if day == 1:
            advance(here.simulator, 12 * HOUR)
            assert scheduled(here, "rfis")[403] == 0
            advance(here.simulator, -12 * HOUR)
        advance(here.simulator, DAY)

    assert refused_on == [0, 1, 2, 3, 4, 5, 6, 7, 14]


def test_a_remembered_refusal_is_told_without_a_call_and_keeps_rows_and_mark(install: Install) -> None:
    here = installed(install)
    (project,) = readable_projects(here.simulator)
    scheduled(here, "rfis", "submittals")
    kept, mark = here.query("SELECT * FROM rfis"), here.marks()["rfis", project]
    here.simulator.faults.add(Fault(path="*/rfis[?]*", status=404, times=1))
    advance(here.simulator, HOUR)
    scheduled(here, "rfis", "submittals")
    advance(here.simulator, HOUR)

    report = here.run("rfis", "submittals", trigger="schedule")

    line = scope(report, "rfis", project)
    assert (line.verdict, line.requests) == (Verdict.NOT_PERMITTED, 0)
    assert line.error is not None
    assert "404" in line.error
    assert "refused since 2026-11-20, tried again on 2026-11-21" in line.error
    assert report.totals.outcome is Outcome.SUCCEEDED
    assert here.query("SELECT * FROM rfis") == kept
    assert here.marks()["rfis", project] == mark < here.marks()["submittals", project]


def test_by_hand_what_was_refused_is_asked_for_and_then_read_on_schedule_too(install: Install) -> None:
    here = installed(install)
    (project,) = readable_projects(here.simulator)
    here.simulator.permissions.forbid("rfis")
    scheduled(here, "rfis")

    assert scope(here.run("rfis"), "rfis", project).requests == 1
    here.simulator.permissions.permit("rfis")
    assert scope(here.run("rfis"), "rfis", project).verdict == Verdict.COMPLETE
    assert scope(here.run("rfis", trigger="schedule"), "rfis", project).requests == 1


def test_what_a_run_by_hand_is_refused_a_schedule_does_not_ask_for(install: Install) -> None:
    here = installed(install)
    here.simulator.permissions.forbid("rfis")
    here.run("rfis")

    assert scheduled(here, "rfis")[403] == 0


def test_a_list_permitted_again_is_found_by_its_probe_and_read_from_its_mark(install: Install) -> None:
    here = installed(install)
    (project,) = readable_projects(here.simulator)
    scheduled(here, "rfis")
    here.simulator.permissions.forbid("rfis")
    scheduled(here, "rfis")
    inserted = here.simulator.world.insert("rfis", project_id=project)
    here.simulator.permissions.permit("rfis")
    advance(here.simulator, DAY)
    scheduled(here, "rfis")

    assert here.query("SELECT count(*) FROM rfis WHERE id = ?", inserted["id"]) == [(1,)]
    assert differences(here.simulator, here.database, streams=["rfis"]) == []


def test_lists_that_were_read_before_are_asked_for_whatever_others_of_their_tool_are_refused(install: Install) -> None:
    here = installed(install)
    here.config = {"limits": {"max_concurrency": 1}}
    logs = [name for name, spec in STREAMS.items() if "daily_logs" in spec.tags and not spec.sensitive]
    scheduled(here, *logs)
    for name in logs[:2]:
        here.simulator.permissions.forbid(name)
    advance(here.simulator, DAY)

    report = here.run(*logs, trigger="schedule")

    told = {line.stream: line.verdict for line in report.scopes if line.stream in logs}
    assert told == {name: Verdict.NOT_PERMITTED if name in logs[:2] else Verdict.COMPLETE for name in logs}


def test_two_refused_lists_stand_for_a_tool_of_which_nothing_can_be_read(install: Install) -> None:
    here = installed(install, projects=2)
    closed, _ = readable_projects(here.simulator)
    here.simulator.permissions.forbid("Project Management/Daily Log", closed)
    here.config = {"limits": {"max_concurrency": 1}}

    first = scheduled(here, "tag:daily_logs")
    report = here.run("tag:daily_logs", trigger="schedule")

    assert first[403] == 2
    logs = {stream for stream, project in verdicts(report) if project == closed}
    assert len(logs) > 10
    assert {verdicts(report)[stream, closed] for stream in logs} == {Verdict.NOT_PERMITTED}
    assert differences(here.simulator, here.database, streams=["manpower_logs"]) != []

    here.simulator.permissions.permit("Project Management/Daily Log", closed)
    advance(here.simulator, DAY)
    scheduled(here, "tag:daily_logs")
    assert differences(here.simulator, here.database, streams=sorted(logs)) == []


def test_one_readable_list_says_that_the_others_of_its_tool_are_worth_asking(install: Install) -> None:
    here = installed(install)
    here.config = {"limits": {"max_concurrency": 1}}
    for stream in ("manpower_logs", "notes_logs", "call_logs"):
        here.simulator.permissions.forbid(stream)
    # One of the first two may be read.
    here.simulator.permissions.permit("notes_logs")

    scheduled(here, "tag:daily_logs")

    denied = here.query("SELECT stream FROM _run_scopes WHERE verdict = 'not_permitted' ORDER BY stream")
    assert denied == [("call_logs",), ("manpower_logs",)]


def test_a_probe_that_succeeds_lets_all_that_is_near_be_tried(install: Install) -> None:
    here = installed(install, projects=3)
    here.config = {"limits": {"max_concurrency": 1}}
    tools = ("rfis", "submittals", "photos", "observations")
    for tool in tools:
        here.simulator.permissions.forbid(tool)
    scheduled(here, *tools)
    for tool in tools:
        here.simulator.permissions.permit(tool)
    advance(here.simulator, DAY)

    # One of the dozen is tried, and all that shares its project or its tool; the others follow from those.
    scheduled(here, *tools)
    assert differences(here.simulator, here.database, streams=tools) == []


def test_a_tool_that_is_off_costs_nothing_until_it_is_on(install: Install) -> None:
    here = installed(install)
    (project,) = readable_projects(here.simulator)
    tool = "Project Management/Daily Log"
    here.simulator.permissions.disable_tool(tool, project)

    for _ in range(2):
        assert scheduled(here, "tag:daily_logs").keys() == {200}
        report = here.run("tag:daily_logs")
        line = scope(report, "manpower_logs", project)
        assert (line.verdict, line.requests) == (Verdict.NOT_PERMITTED, 0)
        assert line.error == "the tool is off in this project: Daily Log"
        advance(here.simulator, HOUR)

    here.simulator.permissions.enable_tool(tool, project)
    advance(here.simulator, DAY)
    scheduled(here, "tag:daily_logs")
    assert differences(here.simulator, here.database, streams=["manpower_logs", "notes_logs"]) == []


def test_the_list_of_tools_is_read_once_a_week_or_when_something_new_is_refused(install: Install) -> None:
    here = installed(install)
    streams = ("rfis", "submittals", "photos", "meetings", "documents")
    read_on = []
    for day in range(12):
        if day == 9:
            here.simulator.permissions.disable_tool("Project Management/RFI", readable_projects(here.simulator)[0])
        for _ in range(2):
            statuses = scheduled(here, *streams)
            read_on += [day] * sum(request.path.endswith("/tools") for request in here.simulator.requests)
            assert statuses[403] == 0 or day == 9
            advance(here.simulator, DAY // 2)

    # On the ninth day the list is refused; then it is known that the tool is off, and looked at daily.
    assert read_on == [0, 7, 9, 10, 11]


def test_a_refused_list_of_tools_keeps_nothing_from_being_read(install: Install) -> None:
    here = installed(install)
    here.simulator.faults.add(Fault(path="*/tools[?]*", status=403, times=9))

    assert scheduled(here)[403] == 1
    report = here.run("rfis", "submittals", trigger="schedule")

    assert report.totals.outcome is Outcome.SUCCEEDED
    assert differences(here.simulator, here.database) == []


def test_inactive_projects_are_read_once_a_week_unless_named(install: Install) -> None:
    here = installed(install)
    (project,) = readable_projects(here.simulator)
    here.simulator.world.update("projects", project, {"active": False})

    def days_read(projects: dict[str, object]) -> list[int]:
        here.config = {"procore": {"projects": projects}}
        read = []
        for day in range(8):
            scheduled(here, "rfis")
            read += [day] * bool(here.asked("rfis"))
            advance(here.simulator, DAY)
        return read

    assert days_read({"inactive": True}) == [0, 7]
    assert days_read({"include": [project]}) == list(range(8))


def test_calls_that_are_not_made_are_counted_with_their_reasons(install: Install) -> None:
    here = installed(install, projects=2)
    hidden, seen = readable_projects(here.simulator)
    here.config = {"procore": {"projects": {"include": [hidden, seen]}}}
    here.simulator.permissions.hide_project(hidden)
    here.simulator.permissions.disable_tool("Project Management/Photos", seen)
    here.simulator.permissions.forbid("rfis", seen)
    streams = ("rfis", "submittals", "photos", "budget_views", "work_order_contract_line_items", "meetings")
    scheduled(here, *streams)

    report = here.run(*streams, trigger="schedule")

    with SqliteDestination(here.database).reader() as view:
        found = {(line.stream, line.reason): line.calls for line in run_skipped(view, report.run_id)}
    contracts = len(here.query("SELECT id FROM work_order_contracts"))
    assert {key: found[key] for key in found if key[1] is not SkipReason.NOT_LISTED} == {
        ("rfis", SkipReason.NOT_PERMITTED): 1,
        ("photos", SkipReason.TOOL_OFF): 1,
        ("budget_views", SkipReason.NOT_DUE): 1,
        ("meetings", SkipReason.NOT_DUE): 1,
        ("work_order_contract_line_items", SkipReason.UNCHANGED_PARENT): contracts,
    }
    assert found["meetings", SkipReason.NOT_LISTED] == 1
