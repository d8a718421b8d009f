"""A past period read again, in parts that are remembered, while live marks stay."""

from __future__ import annotations

import json
import threading
from datetime import date

from procore_simulator.clocks import SteppedClock
from procore_simulator.faults import Fault
from procore_simulator.world import World
from support.oracle import differences, readable_projects
from support.worker import A_FEW, Install, Installation, advance, incomplete, scope
from sync_worker.errors import StopRequested
from sync_worker.model import Outcome, Verdict

STATE = (
    "SELECT * FROM _checkpoints ORDER BY stream, scope_key",
    "SELECT stream, scope_key, last_reads FROM _scope_state WHERE last_reads IS NOT NULL ORDER BY stream, scope_key",
    "SELECT * FROM _parents ORDER BY stream, scope_key, parent_key",
)
SINCE = date(2020, 1, 1)


def installed(install: Install) -> Installation:
    return install(world=World(A_FEW, projects=1, scale=0.3, clock=SteppedClock()))


def add_logs(here: Installation, project: int) -> None:
    """Add logs of three other months."""
    for day in ("2025-03-03", "2025-03-04", "2025-05-05", "2025-08-08"):
        here.simulator.world.insert("manpower_logs", {"date": day}, project_id=project)


def asked_ranges(here: Installation, stream: str) -> list[str]:
    """Return the periods requested of a list since the last look, one for each first page."""
    found = [
        it.query.get("filters[updated_at]") or f"{it.query.get('start_date')}/{it.query.get('end_date')}"
        for it in here.asked(stream)
        if it.page == 1
    ]
    here.simulator.requests.clear()
    return found


def live_state(here: Installation) -> list[object]:
    return [here.query(statement) for statement in STATE]


def test_a_backfill_reads_everything_of_the_period_and_leaves_live_marks_alone(install: Install) -> None:
    here = installed(install)
    here.run()
    before = live_state(here)
    project = readable_projects(here.simulator)[0]
    edited = here.simulator.world.records("rfis", project_id=project)[0].record["id"]
    here.simulator.world.update("rfis", edited, {"subject": "Changed without a trace"}, touch=False)
    advance(here.simulator, 86_400)
    assert differences(here.simulator, here.database) != []

    report = here.run(since=SINCE)

    assert incomplete(report) == []
    assert report.totals.outcome is Outcome.SUCCEEDED
    assert differences(here.simulator, here.database) == []
    assert live_state(here) == before
    assert here.query("SELECT trigger FROM _runs ORDER BY rowid") == [("manual",), ("backfill",)]


def test_a_backfill_into_an_empty_database_sets_no_mark(install: Install) -> None:
    here = installed(install)
    project = readable_projects(here.simulator)[0]
    add_logs(here, project)

    report = here.run(since=SINCE)

    assert incomplete(report) == []
    assert differences(here.simulator, here.database) == []
    assert live_state(here) == [[], [], []]
    line = scope(report, "manpower_logs", project)
    assert len(asked_ranges(here, "manpower_logs")) == line.requests
    assert line.total == line.rows_seen == line.inserted > 0


def test_a_backfill_is_bounded(install: Install) -> None:
    here = installed(install)
    project = readable_projects(here.simulator)[0]
    dates = sorted({it.record["date"] for it in here.simulator.world.records("manpower_logs", project_id=project)})
    since, until = (date.fromisoformat(day) for day in (dates[1], dates[-2]))

    here.run("rfis", "manpower_logs", since=since, until=until)

    asked = asked_ranges(here, "manpower_logs")
    assert (asked[0][:10], asked[-1][-10:]) == (dates[1], dates[-2])
    assert [day for (day,) in here.query("SELECT DISTINCT date FROM manpower_logs ORDER BY date")] == dates[1:-1]


def test_a_part_that_failed_is_all_that_is_read_again(install: Install) -> None:
    here = installed(install)
    project = readable_projects(here.simulator)[0]
    since = date(2025, 9, 1)
    here.simulator.faults.add(Fault(path="*/rfis[?]*", status=500, times=2, after=3))
    report = here.run("rfis", since=since)
    assert scope(report, "rfis", project).verdict == Verdict.FAILED
    first = asked_ranges(here, "rfis")

    advance(here.simulator, 40 * 86_400)
    assert incomplete(here.run("rfis", since=since)) == []
    second = asked_ranges(here, "rfis")

    assert len(first) == 5
    assert first[-1] == second[0]
    assert set(first[:3]).isdisjoint(second)
    assert len(first[:3] + second) == len(set(first[:3] + second)) == len(second) + 3
    here.run("rfis", since=since)
    assert len(asked_ranges(here, "rfis")) == len(second) + 3 + 1


def test_a_backfill_that_was_stopped_goes_on(install: Install) -> None:
    here = installed(install)
    stop = threading.Event()
    stop.set()
    assert isinstance(here.run("rfis", since=SINCE, stop=stop).failure, StopRequested)

    assert incomplete(here.run("rfis", since=SINCE)) == []

    assert differences(here.simulator, here.database, streams=["rfis"]) == []


def test_a_part_whose_list_moves_is_read_again_by_itself(install: Install) -> None:
    here = install(world=World(projects=1, scale=1, clock=SteppedClock()), most_per_page=2)
    project = readable_projects(here.simulator)[0]
    add_logs(here, project)
    last_month = f"{here.simulator.world.clock.now():%Y-%m}"
    path = f"*/manpower_logs[?]*start_date={last_month}-01*page=2&*"
    here.simulator.faults.add(Fault(path=path, drift="insert"))

    report = here.run("manpower_logs", since=SINCE)

    line = scope(report, "manpower_logs", project)
    assert (line.verdict, line.total) == (Verdict.COMPLETE, line.rows_seen)
    assert differences(here.simulator, here.database, streams=["manpower_logs"]) == []


def test_a_part_that_cannot_be_read_leaves_the_others_proven(install: Install) -> None:
    here = installed(install)
    here.simulator.faults.add(
        Fault(path="*/rfis[?]*", body='[{"id":7,"new":1e400}]', times=3, headers={"Per-Page": "2000"})
    )

    report = here.run("rfis", since=date(2026, 9, 1))

    line = scope(report, "rfis", readable_projects(here.simulator)[0])
    assert (line.verdict, line.error and line.error.partition(":")[0]) == (Verdict.FAILED, "bad payload")
    assert here.query("SELECT part FROM _backfill_parts WHERE stream = 'rfis' ORDER BY part") == [
        ("2026-10-01/2026-10-31",),
        ("2026-11-01/2026-11-20",),
    ]


def test_a_part_with_a_record_of_two_lists_leaves_the_others_proven(install: Install) -> None:
    here = install(world=World(A_FEW, projects=2, scale=0.3, clock=SteppedClock()))
    for project in readable_projects(here.simulator):
        of_september = json.dumps([{"id": 991}, {"id": project}])
        here.simulator.faults.add(Fault(path=f"*/{project}/rfis[?]*", body=of_september, headers={"Total": "2"}))

    report = here.run("rfis", since=date(2026, 9, 1))

    ((_, where, verdict, reason),) = incomplete(report)
    assert (verdict, str(reason).partition(" is ")[0]) == (Verdict.INEXACT, "record 991")
    assert here.query("SELECT part FROM _backfill_parts WHERE project_id = ? ORDER BY part", where) == [
        ("2026-10-01/2026-10-31",),
        ("2026-11-01/2026-11-20",),
    ]


def test_a_refused_list_is_not_permitted_in_a_backfill_too(install: Install) -> None:
    here = installed(install)
    project = readable_projects(here.simulator)[0]
    here.simulator.permissions.forbid("rfis", project)

    report = here.run("rfis", since=SINCE)

    line = scope(report, "rfis", project)
    assert (line.verdict, line.requests) == (Verdict.NOT_PERMITTED, 1)
