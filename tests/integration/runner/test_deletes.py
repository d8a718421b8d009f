"""Records that are deleted in Procore: how each way of finding out marks their rows, and what never does."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from procore_simulator.faults import Fault
from procore_simulator.world import World
from support.oracle import differences, readable_projects
from support.worker import Install, Installation, advance, incomplete, installing, scope
from sync_worker.catalog import STREAMS
from sync_worker.catalog.spec import SyncMode
from sync_worker.model import Verdict

HOUR, DAY = 3600, 86_400
RFIS, PHOTOS, MEETINGS, TASKS, LOGS = "rfis", "photos", "meetings", "task_items", "notes_logs"
LINES, CONTRACTS = "work_order_contract_line_items", "work_order_contracts"


def loaded(install: Install, *streams: str, most: int = 30, config: dict[str, Any] | None = None) -> Installation:
    """Everything of these streams read once; each has at least `most` records in the first project."""
    here = install(projects=2, scale=1, config=config or {})
    for stream in streams:
        if STREAMS[stream].parent is None:
            while len(ids(here, stream)) < most:
                here.simulator.world.insert(stream, project_id=project(here))
    assert incomplete(here.run(*streams, trigger="schedule")) == []
    here.simulator.requests.clear()
    advance(here.simulator, HOUR)
    return here


def project(here: Installation) -> int:
    return readable_projects(here.simulator)[0]


def ids(here: Installation, stream: str) -> list[Any]:
    """Return the ids of the live records of the first project, from Procore."""
    return [truth.record["id"] for truth in here.simulator.world.records(stream, project_id=project(here))]


def dead(here: Installation, stream: str) -> list[Any]:
    """Return the keys of the rows that are marked as deleted."""
    return [row for (row,) in here.query(f"SELECT id FROM {stream} WHERE _deleted_at IS NOT NULL ORDER BY id")]


def held(here: Installation) -> list[Any]:
    """Return the keys of the rows whose deletes are held."""
    return [key for (key,) in here.query("SELECT record_key FROM _held_deletes ORDER BY record_key")]


def delete(here: Installation, stream: str, count: int) -> list[Any]:
    """Delete the first records of the first project; their ids."""
    gone = sorted(ids(here, stream)[:count])
    for each in gone:
        here.simulator.world.delete(stream, each, project_id=project(here))
    return gone


def equal(here: Installation, *streams: str) -> bool:
    return differences(here.simulator, here.database, streams=streams, deletes=True) == []


def test_a_record_that_a_complete_listing_lacks_is_marked_and_counted(install: Install) -> None:
    here = loaded(install, MEETINGS)
    gone = delete(here, MEETINGS, 2)

    report = here.run(MEETINGS)

    assert dead(here, MEETINGS) == gone
    marked = here.query(f"SELECT DISTINCT _run_id, _deleted_at = _loaded_at FROM {MEETINGS} WHERE _deleted_at NOTNULL")
    assert marked == [(report.run_id, 1)]
    assert scope(report, MEETINGS, project(here)).deleted == report.totals.rows.deleted == 2
    assert here.query("SELECT deleted FROM _runs WHERE run_id = ?", report.run_id) == [(2,)]
    assert equal(here, MEETINGS)

    versions = f"SELECT id, _run_id, _loaded_at, _deleted_at FROM {MEETINGS}"
    before = here.query(versions)
    assert here.run(MEETINGS).totals.rows.deleted == 0
    assert here.query(versions) == before


@pytest.mark.parametrize("stream", [RFIS, "documents", "change_events", "timesheets", "punch_items"])
def test_an_incremental_stream_asks_the_tool_for_what_was_deleted(install: Install, stream: str) -> None:
    here = loaded(install, stream)
    delete(here, stream, 3)

    report = here.run(stream)

    assert scope(report, stream, project(here)).deleted == 3
    # Where the tool is only asked with a filter, which may be ignored, the list of that project confirms it.
    confirmed = int(stream in ("documents", "timesheets"))
    assert len(here.asked(stream)) == 2 * len(readable_projects(here.simulator)) + confirmed
    assert incomplete(report) == []
    assert equal(here, stream)


def test_on_a_schedule_the_tool_is_asked_every_six_hours_or_as_often_as_is_said(install: Install) -> None:
    here = loaded(install, RFIS, "punch_items", config={"streams": {"punch_items": {"deleted_every": "1h"}}})
    rounds: dict[str, list[int]] = {RFIS: [], "punch_items": []}
    for number in range(1, 13):
        for stream in rounds:
            here.simulator.requests.clear()
            here.run(stream, trigger="schedule")
            rounds[stream] += [number] if any("recycle_bin" in it.path for it in here.asked(stream)) else []
        advance(here.simulator, HOUR - 5)

    assert rounds == {RFIS: [6, 12], "punch_items": list(range(1, 13))}


def test_a_list_of_deleted_records_that_may_not_be_read_is_asked_once_a_week_and_fails_nothing(
    install: Install,
) -> None:
    here = loaded(install, RFIS)
    here.simulator.faults.add(Fault(path="*/rfis/recycle_bin*", status=403, times=1_000))
    delete(here, RFIS, 1)

    assert incomplete(here.run(RFIS)) == []
    here.simulator.requests.clear()
    advance(here.simulator, DAY)
    assert incomplete(here.run(RFIS)) == []

    assert not [it for it in here.simulator.requests if "recycle_bin" in it.path]
    assert dead(here, RFIS) == []
    advance(here.simulator, 6 * DAY)
    here.run(RFIS)
    assert equal(here, RFIS)


def test_a_list_of_deleted_records_that_holds_the_living_deletes_none_at_once(install: Install) -> None:
    """A server that forgot the filter answers the whole list."""
    here = loaded(install, RFIS)
    bins = [f"/rest/v1.0/projects/{it}/rfis/recycle_bin" for it in readable_projects(here.simulator)]
    listed = [truth.record for truth in here.simulator.world.records(RFIS, project_id=project(here))]
    here.simulator.faults.add(Fault(path=f"{bins[0]}*", body=json.dumps(listed), times=1_000))

    here.run(RFIS)
    assert dead(here, RFIS) == []
    assert len(held(here)) > 10
    here.run(RFIS)
    assert (dead(here, RFIS), held(here)) == ([], [])


def test_an_incremental_stream_is_read_whole_once_a_week_to_find_what_is_gone(install: Install) -> None:
    here = loaded(install, PHOTOS)
    assert (STREAMS[PHOTOS].mode, STREAMS[PHOTOS].deletes) == (SyncMode.INCREMENTAL, None)
    gone = delete(here, PHOTOS, 2)

    here.run(PHOTOS)
    assert dead(here, PHOTOS) == []
    advance(here.simulator, 7 * DAY)
    here.run(PHOTOS, trigger="schedule")

    assert dead(here, PHOTOS) == gone
    assert equal(here, PHOTOS)


def test_a_full_refresh_settles_deletes(install: Install) -> None:
    here = loaded(install, TASKS, RFIS)
    gone = [delete(here, TASKS, 2), delete(here, RFIS, 2)]
    here.simulator.faults.add(Fault(path="*recycle_bin*", status=500, times=1_000))

    assert here.run(TASKS, RFIS, full_refresh=True).totals.rows.deleted == 4

    assert [dead(here, TASKS), dead(here, RFIS)] == gone


@pytest.mark.parametrize("stream", [MEETINGS, RFIS])
def test_a_record_that_comes_back_lives_again(install: Install, stream: str) -> None:
    here = loaded(install, stream)
    (gone,) = delete(here, stream, 1)
    here.run(stream)
    assert dead(here, stream) == [gone]

    here.simulator.world.restore(stream, gone)
    report = here.run(stream, full_refresh=True)

    assert (dead(here, stream), report.totals.rows.updated) == ([], 1)
    assert equal(here, stream)


def test_many_deletes_at_once_are_held_until_a_later_sweep_agrees(install: Install) -> None:
    here = loaded(install, MEETINGS)
    gone = delete(here, MEETINGS, 11)

    first = here.run(MEETINGS)
    assert (dead(here, MEETINGS), held(here), first.totals.rows.deleted) == ([], gone, 0)
    second = here.run(MEETINGS)

    assert (dead(here, MEETINGS), held(here), second.totals.rows.deleted) == (gone, [], 11)
    assert equal(here, MEETINGS)


@pytest.mark.parametrize(
    ("records", "deleted", "is_held"), [(30, 10, False), (30, 11, True), (200, 20, False), (200, 21, True)]
)
def test_more_than_ten_and_than_a_tenth_are_many(install: Install, records: int, deleted: int, is_held: bool) -> None:
    here = loaded(install, TASKS, most=records)
    for extra in ids(here, TASKS)[records:]:
        here.simulator.world.purge(TASKS, extra)
    here.run(TASKS, full_refresh=True)
    here.run(TASKS, full_refresh=True)
    before = len(dead(here, TASKS))
    gone = delete(here, TASKS, deleted)

    here.run(TASKS, full_refresh=True)

    assert len(dead(here, TASKS)) - before == (0 if is_held else deleted)
    assert held(here) == (gone if is_held else [])


def test_all_of_a_scope_at_once_is_held_however_few_it_has(install: Install) -> None:
    here = loaded(install, MEETINGS, most=1)
    gone = delete(here, MEETINGS, len(ids(here, MEETINGS)))

    here.run(MEETINGS)

    assert (dead(here, MEETINGS), held(here)) == ([], gone)


def test_what_comes_back_before_a_second_sweep_is_held_no_longer(install: Install) -> None:
    here = loaded(install, MEETINGS)
    gone = delete(here, MEETINGS, 12)
    here.run(MEETINGS)

    here.simulator.world.restore(MEETINGS, gone[0])
    here.run(MEETINGS)

    assert (dead(here, MEETINGS), held(here)) == (gone[1:], [])


def test_what_is_held_of_an_incremental_stream_is_looked_at_again_by_its_whole_list(install: Install) -> None:
    here = loaded(install, RFIS)
    gone = delete(here, RFIS, 12)
    here.run(RFIS, trigger="schedule")
    assert held(here) == []
    advance(here.simulator, 6 * HOUR)
    here.run(RFIS, trigger="schedule")
    assert (dead(here, RFIS), held(here)) == ([], gone)

    advance(here.simulator, HOUR)
    here.run(RFIS, trigger="schedule")

    assert (dead(here, RFIS), held(here)) == (gone, [])


FAULTS = {
    "a refusal": Fault(path="*/meetings*", status=403, times=1_000),
    "a list that is not there": Fault(path="*/meetings*", status=404, times=1_000),
    "an error": Fault(path="*/meetings*", status=500, times=1_000),
    "an empty object": Fault(path="*/meetings*", body="{}", times=1_000),
    "a page cut short": Fault(path="*/meetings*", body="[", times=1_000),
    "a list that counts more than it sends": Fault(path="*/meetings*", headers={"Total": "999"}, times=1_000),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_what_is_not_proven_complete_deletes_nothing(install: Install, fault: Fault) -> None:
    here = loaded(install, MEETINGS)
    gone = delete(here, MEETINGS, 2)
    here.simulator.faults.add(fault)

    for _ in range(3):
        here.run(MEETINGS, full_refresh=True)

    assert (dead(here, MEETINGS), held(here)) == ([], [])
    here.simulator.faults.clear()
    here.run(MEETINGS)
    assert dead(here, MEETINGS) == gone


def test_a_project_that_is_not_shown_any_more_keeps_its_rows(install: Install) -> None:
    here = loaded(install, RFIS)
    hidden = project(here)
    here.simulator.permissions.hide_project(hidden)

    here.run(RFIS, full_refresh=True)
    report = here.run(RFIS, full_refresh=True)

    assert scope(report, RFIS, hidden).verdict == Verdict.NOT_PERMITTED
    assert here.query("SELECT count(*) FROM projects WHERE _deleted_at NOTNULL") == [(0,)]
    assert (dead(here, RFIS), held(here)) == ([], [])


def test_a_record_that_moved_to_another_project_lives_there(install: Install) -> None:
    here = loaded(install, RFIS)
    first, second = readable_projects(here.simulator)
    moved = ids(here, RFIS)[0]
    here.simulator.world.move(RFIS, moved, second)

    here.run(RFIS, projects=[second])
    here.run(RFIS, projects=[first], full_refresh=True)

    assert here.query("SELECT project_id, _deleted_at FROM rfis WHERE id = ?", moved) == [(second, None)]
    assert equal(here, RFIS)


def test_deletes_of_a_stream_can_be_left_alone(install: Install) -> None:
    here = loaded(
        install, RFIS, MEETINGS, LOGS, config={"streams": {it: {"deletes": "ignore"} for it in (RFIS, MEETINGS, LOGS)}}
    )
    for stream in (RFIS, MEETINGS, LOGS):
        delete(here, stream, 2)

    report = here.run(RFIS, MEETINGS, LOGS, full_refresh=True)
    here.run(RFIS, MEETINGS, LOGS)

    assert report.totals.rows.deleted == 0
    assert [dead(here, stream) for stream in (RFIS, MEETINGS, LOGS)] == [[], [], []]
    assert not [it for it in here.simulator.requests if "recycle_bin" in it.path]


def test_a_daily_log_that_is_missing_from_its_days_is_looked_for_in_all_days(install: Install) -> None:
    here = loaded(install, LOGS)
    world, today = here.simulator.world, here.simulator.world.clock.now().date().isoformat()
    gone, dated, *_ = (world.insert(LOGS, {"date": today}, project_id=project(here))["id"] for _ in range(20))
    here.run(LOGS)
    world.delete(LOGS, gone)
    world.update(LOGS, dated, {"date": min(it.record["date"] for it in world.records(LOGS))})
    here.simulator.requests.clear()

    report = here.run(LOGS)

    assert dead(here, LOGS) == [gone]
    line = scope(report, LOGS, project(here))
    assert (line.verdict, line.deleted, line.rows_seen) == (Verdict.COMPLETE, 1, len(ids(here, LOGS)))
    # Its own days, then all there are: those from the first day on, and those before it.
    assert len([it for it in here.asked(LOGS) if str(project(here)) in it.path]) == 3
    assert equal(here, LOGS)
    here.simulator.requests.clear()
    here.run(LOGS)
    assert len([it for it in here.asked(LOGS) if str(project(here)) in it.path]) == 1


def lines_of(here: Installation, contract: int) -> list[tuple[int, bool]]:
    return here.query(
        f"SELECT id, _deleted_at NOTNULL FROM {LINES} WHERE work_order_contract_id = ? ORDER BY id", contract
    )


def test_a_line_is_marked_when_its_own_contract_was_read(install: Install) -> None:
    here = loaded(install, LINES)
    world = here.simulator.world
    first, second = ids(here, CONTRACTS)[:2]
    gone = [lines_of(here, contract)[0][0] for contract in (first, second)]
    for line in gone:
        world.purge(LINES, line)
    world.update(CONTRACTS, first, {"title": "Revised"})

    here.run(LINES)
    assert dead(here, LINES) == gone[:1]
    here.simulator.faults.add(Fault(path=f"*/{second}/line_items*", status=404))
    here.run(LINES, full_refresh=True)
    assert dead(here, LINES) == gone[:1]
    here.run(LINES, full_refresh=True)

    assert dead(here, LINES) == sorted(gone)


def test_the_lines_of_a_deleted_contract_go_and_come_back_with_it(install: Install) -> None:
    here = loaded(install, LINES)
    contract = ids(here, CONTRACTS)[0]
    lines = [line for line, _ in lines_of(here, contract)]
    assert 0 < len(lines) <= 10
    here.simulator.world.delete(CONTRACTS, contract)

    here.run(LINES)
    assert lines_of(here, contract) == [(line, 1) for line in lines]
    here.simulator.world.restore(CONTRACTS, contract)
    here.run(LINES, full_refresh=False)
    advance(here.simulator, 8 * DAY)
    here.run(CONTRACTS)
    here.run(LINES)

    assert lines_of(here, contract) == [(line, 0) for line in lines]
    assert equal(here, LINES)


@given(
    page=st.integers(1, 4),
    drift=st.sampled_from(["insert", "delete"]),
    times=st.integers(1, 4),
    total=st.booleans(),
)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_list_that_changes_while_it_is_compared_never_loses_a_living_row(
    tmp_path_factory: pytest.TempPathFactory, page: int, drift: Any, times: int, total: bool
) -> None:
    with installing(tmp_path_factory.mktemp("drift")) as install:
        here = install(world=World(projects=1, scale=1), most_per_page=5)
        here.run(MEETINGS, TASKS)
        for stream in (MEETINGS, TASKS):
            here.simulator.faults.add(Fault(path=f"*/{stream}[?]*page={page}&*", drift=drift, times=times))
        if not total:
            here.simulator.faults.add(Fault(path="*", drop_headers=("Total",), times=1_000))

        for _ in range(3):
            advance(here.simulator, HOUR)
            here.run(MEETINGS, TASKS, full_refresh=True)
            wrong = differences(here.simulator, here.database, streams=[MEETINGS, TASKS])
            assert not [it for it in wrong if "deleted here" in it]

        here.simulator.faults.clear()
        here.run(MEETINGS, TASKS, full_refresh=True)
        here.run(MEETINGS, TASKS, full_refresh=True)
        assert equal(here, MEETINGS, TASKS)
