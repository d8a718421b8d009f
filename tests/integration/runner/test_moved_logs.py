"""Daily logs that are given another date, and days that nobody expects: still there, and never taken for deleted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import pytest
from structlog.testing import capture_logs

from procore_simulator.clocks import SteppedClock
from procore_simulator.faults import Fault
from procore_simulator.world import World
from support.oracle import differences, readable_projects
from support.worker import Install, Installation, advance, incomplete, scope
from sync_worker.logs import Event

LOGS = "manpower_logs"
DAY = 86_400
BEYOND = "*/manpower_logs[?]*end_date=9999*"
BEFORE = "*/manpower_logs[?]*start_date=0001*"


def installed(install: Install, start_date: str | None = None) -> Installation:
    """One project with logs of the last weeks, read once."""
    config = {"procore": {"start_date": start_date}} if start_date else {}
    here = install(world=World(projects=1, scale=0.5, clock=SteppedClock()), config=config)
    for back in range(30):
        here.simulator.world.insert(LOGS, {"date": str(days_off(here, -back))}, project_id=project(here))
    assert incomplete(here.run(LOGS)) == []
    advance(here.simulator, DAY)
    here.simulator.requests.clear()
    return here


def project(here: Installation) -> int:
    return readable_projects(here.simulator)[0]


def days_off(here: Installation, days: int) -> date:
    return here.simulator.world.clock.now().date() + timedelta(days=days)


def recent(here: Installation, count: int) -> list[int]:
    """Return the ids of the newest logs in Procore."""
    logs = here.simulator.world.records(LOGS, project_id=project(here))
    return [it.record["id"] for it in sorted(logs, key=lambda it: it.record["date"])[-count:]]


def dead(here: Installation) -> Sequence[object]:
    return [key for (key,) in here.query(f"SELECT id FROM {LOGS} WHERE _deleted_at NOTNULL ORDER BY id")]


def is_equal(here: Installation) -> bool:
    return differences(here.simulator, here.database, streams=[LOGS], deletes=True) == []


@pytest.mark.parametrize("to", ["0026-11-20", "1999-12-31", "2027-11-01", "2062-11-20", "9999-12-31"])
@pytest.mark.parametrize("is_full", [True, False])
def test_a_log_that_is_given_any_other_date_is_found_there_and_not_marked(
    install: Install, to: str, is_full: bool
) -> None:
    here = installed(install)
    moved, gone = recent(here, 2)
    here.simulator.world.update(LOGS, moved, {"date": to})
    here.simulator.world.delete(LOGS, gone)

    report = here.run(LOGS, full_refresh=is_full)

    assert incomplete(report) == []
    assert dead(here) == [gone]
    assert is_equal(here)


def test_logs_of_unexpected_days_are_read_the_first_time(install: Install) -> None:
    here = install(world=World(projects=1, scale=0.2, clock=SteppedClock()))
    began_on = min(it.record["start_date"] for it in here.simulator.world.records("projects"))
    for day in (date.fromisoformat(began_on) - timedelta(days=300), days_off(here, 40), days_off(here, 365)):
        here.simulator.world.insert(LOGS, {"date": str(day)}, project_id=project(here))

    here.run(LOGS)

    assert is_equal(here)
    assert len(here.asked(LOGS)) == 1


@pytest.mark.parametrize(
    "start", ["0001-01-01", "9999-12-31", "1776-07-04", "", "2026-13-45", "0000-00-00", 20260101, None, True, "x"]
)
@pytest.mark.parametrize("created", [None, "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+05:00"])
def test_a_project_whose_first_day_cannot_be_has_its_logs_read(
    install: Install, start: object, created: object
) -> None:
    here = install(world=World(projects=1, scale=0.2, clock=SteppedClock()))
    here.simulator.world.update("projects", project(here), {"start_date": start, "created_at": created})
    here.simulator.world.insert(LOGS, {"date": "2012-05-01"}, project_id=project(here))

    assert incomplete(here.run(LOGS)) == []
    assert incomplete(here.run(LOGS, since=date(2026, 10, 1))) == []

    assert is_equal(here)


@pytest.mark.parametrize("status", [400, 403, 422, 500])
def test_where_all_days_may_not_be_asked_for_what_is_missing_is_not_marked(install: Install, status: int) -> None:
    here = installed(install)
    (gone,) = recent(here, 1)
    here.simulator.world.delete(LOGS, gone)
    absurd = [Fault(path=path, status=status, times=1_000) for path in (BEYOND, BEFORE, "*1900-01-01*")]
    here.simulator.faults.add(*absurd)

    with capture_logs() as logs:
        report = here.run(LOGS)

    assert incomplete(report) == []
    assert dead(here) == []
    assert [it["event"] for it in logs].count(Event.DELETES_UNDETECTED) == 1
    here.simulator.faults.clear()
    here.run(LOGS)
    assert dead(here) == [gone]


def test_where_only_the_most_absurd_dates_are_refused_two_centuries_are_asked_for(install: Install) -> None:
    here = installed(install)
    (gone,) = recent(here, 1)
    here.simulator.world.delete(LOGS, gone)
    here.simulator.faults.add(Fault(path=BEFORE, status=400, times=1_000))

    assert incomplete(here.run(LOGS)) == []

    assert dead(here) == [gone]


def test_a_server_that_answers_all_days_with_less_than_some_says_nothing_of_what_is_missing(install: Install) -> None:
    here = installed(install)
    (moved,) = recent(here, 1)
    here.simulator.world.update(LOGS, moved, {"date": "1999-12-31"})
    absurd = (BEYOND, BEFORE, "*start_date=1900*", "*end_date=2100*")
    here.simulator.faults.add(*(Fault(path=path, body="[]", times=1_000) for path in absurd))

    # Were it believed, the first would hold the deletes and the second agree.
    for _ in range(2):
        assert incomplete(here.run(LOGS)) == []

    assert dead(here) == []


def test_logs_before_the_day_that_was_set_are_not_stored_when_missing_ones_are_looked_for(install: Install) -> None:
    here = installed(install, start_date="2026-11-01")
    stored = here.query(f"SELECT count(*) FROM {LOGS}")[0][0]
    assert stored < len(here.simulator.world.records(LOGS))
    moved, gone = recent(here, 2)
    here.simulator.world.update(LOGS, moved, {"date": "2026-10-01"})
    here.simulator.world.delete(LOGS, gone)

    line = scope(here.run(LOGS), LOGS, project(here))

    assert (line.verdict, line.deleted) == ("complete", 1)
    assert here.query(f"SELECT count(*) FROM {LOGS}") == [(stored,)]
    assert here.query(f"SELECT date FROM {LOGS} WHERE id = ?", moved) == [("2026-10-01",)]


def test_a_row_whose_day_is_unreadable_is_never_marked(install: Install) -> None:
    here = installed(install)
    (undated,) = recent(here, 1)
    here.simulator.world.update(LOGS, undated, {"date": "2026-11-1O"})
    here.run(LOGS, full_refresh=True)
    assert here.query(f"SELECT date FROM {LOGS} WHERE id = ?", undated) == [(None,)]
    # No range of days that can be asked for holds it any more.
    here.simulator.world.update(LOGS, undated, {"date": "soon"})

    assert incomplete(here.run(LOGS, full_refresh=True)) == []

    assert dead(here) == []
