"""What an incremental run asks for, and up to where it then claims to be complete."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from procore_simulator.clocks import SteppedClock
from procore_simulator.faults import Fault
from procore_simulator.world import World
from support.clock import WorkerClock
from support.oracle import differences, readable_projects
from support.worker import A_FEW, Install, Installation, advance, incomplete
from sync_worker.catalog import STREAMS
from sync_worker.catalog.spec import CursorSyntax, SyncMode

LOOKBACK = timedelta(minutes=10)
INCREMENTAL = [
    spec.name
    for spec in STREAMS.values()
    if spec.mode is SyncMode.INCREMENTAL and spec.parent is None and spec.name != "projects"
]
DATED = {spec.name for spec in STREAMS.values() if spec.mode is SyncMode.DATE_WINDOW}


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def asked_windows(here: Installation) -> dict[tuple[str, int | None], str]:
    """Return the last filter of each incremental list; lists of deleted records have another filter or none."""
    found = {}
    for request in here.simulator.requests:
        spec = STREAMS.get(request.stream or "")
        if spec is None or spec.cursor is None or spec.name not in INCREMENTAL:
            continue
        if spec.deletes is None or spec.cursor.param in request.query:
            project = next((id_ for id_ in here.simulator.world.project_ids if str(id_) in str(request)), None)
            found[spec.name, project] = request.query[spec.cursor.param]
    return found


def test_a_first_load_asks_for_everything(install: Install) -> None:
    here = install()

    here.run()

    cursors = {spec.cursor.param for spec in STREAMS.values() if spec.cursor is not None}
    assert not [request for request in here.simulator.requests if cursors & request.query.keys()]


def test_a_later_run_asks_from_the_mark_less_the_lookback_up_to_one_frozen_instant(install: Install) -> None:
    here = install(world=World(projects=2, scale=0.2, clock=SteppedClock(rate=600)))
    here.run()
    marks = here.marks()
    here.simulator.requests.clear()
    before = advance(here.simulator, 3600)

    report = here.run()

    windows = asked_windows(here)
    assert {stream for stream, _ in windows} == set(INCREMENTAL)
    ends = set()
    for (stream, project), asked in windows.items():
        start, _, end = asked.partition("...")
        assert instant(start) == instant(marks[stream, project]) - LOOKBACK
        assert bool(end) == (STREAMS[stream].cursor.syntax is CursorSyntax.RANGE)  # type: ignore[union-attr]
        ends |= {end} - {""}
    (end,) = ends
    assert before - timedelta(seconds=1) <= instant(end) < here.simulator.world.clock.now()
    moved = here.marks()
    assert {moved[scope] for scope in windows} == {end}
    assert max(map(instant, moved.values())) < here.simulator.world.clock.now()
    written = here.query("SELECT stream, window_to FROM _run_scopes WHERE run_id = ?", report.run_id)
    assert {to for stream, to in written if stream not in {"companies", *DATED}} == {end}


def test_the_lookback_can_be_set_for_a_stream(install: Install) -> None:
    here = install(streams=A_FEW, config={"streams": {"rfis": {"lookback": 86_400}}})
    here.run()
    marks = here.marks()
    here.simulator.requests.clear()

    here.run()

    for (stream, project), asked in asked_windows(here).items():
        wanted = timedelta(days=1) if stream == "rfis" else LOOKBACK
        assert instant(asked.partition("...")[0]) == instant(marks[stream, project]) - wanted


def test_companies_projects_and_nested_streams_are_never_asked_for_changes_alone(install: Install) -> None:
    here = install(streams=A_FEW)
    here.run()
    here.simulator.requests.clear()
    advance(here.simulator, 8 * 86_400)

    here.run()

    for stream in ("companies", "projects", "schedule_activities", "work_order_contract_line_items"):
        assert here.asked(stream)
        assert not [request for request in here.asked(stream) if any("updated_at" in name for name in request.query)]


@pytest.mark.parametrize("hours", [-5, 5])
def test_a_wrong_clock_here_moves_no_mark_past_procores_time_and_loses_nothing(install: Install, hours: int) -> None:
    here = install(streams=A_FEW)
    server = here.simulator.world.clock
    here.clock = WorkerClock(server, timedelta(hours=hours))
    here.run()
    assert max(map(instant, here.marks().values())) <= server.now()

    for project in readable_projects(here.simulator):
        here.simulator.world.insert("rfis", project_id=project)
    advance(here.simulator, 3600)
    here.run()

    assert differences(here.simulator, here.database) == []
    assert max(map(instant, here.marks().values())) <= server.now()


def test_no_mark_passes_procores_time_when_the_list_of_companies_is_refused(install: Install) -> None:
    here = install(streams=A_FEW)
    server = here.simulator.world.clock
    here.clock = WorkerClock(server, timedelta(hours=5))
    here.simulator.permissions.forbid("companies")
    for contract in here.simulator.world.records("work_order_contracts"):
        here.simulator.world.purge("work_order_contracts", contract.record["id"])

    here.run()

    assert here.marks()
    assert max(map(instant, here.marks().values())) <= server.now()


def test_no_mark_moves_by_our_own_clock_alone(install: Install) -> None:
    here = install()
    here.clock = WorkerClock(here.simulator.world.clock, timedelta(hours=5))
    here.simulator.faults.add(Fault(path="/rest/*", drop_headers=("Date",), times=10_000))
    streams = ("rfis", "meetings", "manpower_logs", "work_order_contract_line_items")

    assert incomplete(here.run(*streams)) == []

    assert differences(here.simulator, here.database, streams=streams) == []
    assert here.marks() == {}
    here.simulator.faults.clear()
    here.run("rfis")
    assert here.marks()


def test_a_record_committed_late_with_the_marks_own_instant_is_found(install: Install) -> None:
    here = install(streams=A_FEW, config={"streams": {"rfis": {"lookback": 0}}})
    project = readable_projects(here.simulator)[0]
    here.run()
    mark = here.marks()["rfis", project]

    here.simulator.world.insert("rfis", {"updated_at": mark}, project_id=project)
    advance(here.simulator, 60)
    here.run()

    assert differences(here.simulator, here.database) == []


def test_a_record_committed_late_is_found_inside_the_lookback(install: Install) -> None:
    here = install(streams=A_FEW)
    project = readable_projects(here.simulator)[0]
    here.run()
    late = instant(here.marks()["rfis", project]) - LOOKBACK

    here.simulator.world.insert("rfis", {"updated_at": f"{late:%Y-%m-%dT%H:%M:%SZ}"}, project_id=project)
    here.run()

    assert differences(here.simulator, here.database) == []


def test_a_record_that_moves_to_another_project_moves_here(install: Install) -> None:
    here = install(streams=A_FEW, projects=3)
    old, new = readable_projects(here.simulator)[:2]
    here.run()
    moved = here.simulator.world.records("submittals", project_id=old)[0].record["id"]

    advance(here.simulator, 3600)
    here.simulator.world.move("submittals", moved, new)
    here.run()

    assert here.query("SELECT project_id FROM submittals WHERE id = ?", moved) == [(new,)]
    assert differences(here.simulator, here.database) == []


def test_a_newly_permitted_project_is_read_in_full_however_old_its_records(install: Install) -> None:
    here = install(streams=A_FEW, projects=3)
    late = readable_projects(here.simulator)[0]
    here.simulator.permissions.hide_project(late)
    here.run()
    assert not here.query("SELECT 1 FROM rfis WHERE project_id = ?", late)
    assert differences(here.simulator, here.database) == []

    advance(here.simulator, 30 * 86_400)
    here.simulator.permissions.show_project(late)
    report = here.run()

    assert incomplete(report) == []
    assert differences(here.simulator, here.database) == []
    assert here.query("SELECT 1 FROM rfis WHERE project_id = ?", late)


def test_a_full_refresh_lists_everything_whatever_the_marks(install: Install) -> None:
    here = install(streams=A_FEW)
    project = readable_projects(here.simulator)[0]
    here.run()
    edited = here.simulator.world.records("rfis", project_id=project)[0].record["id"]
    here.simulator.world.update("rfis", edited, {"subject": "Changed by hand in the database"}, touch=False)
    advance(here.simulator, 86_400)
    here.run()
    assert differences(here.simulator, here.database) != []

    here.run(full_refresh=True)

    assert differences(here.simulator, here.database) == []


def test_only_the_projects_asked_for_are_read(install: Install) -> None:
    here = install(projects=3)
    wanted = readable_projects(here.simulator)[1]

    report = here.run("rfis", projects=[wanted])

    assert {line.project_id for line in report.scopes} == {None, wanted}
    assert differences(here.simulator, here.database, streams=["rfis"], projects=[wanted]) == []
