"""What a run asks for and what it claims when its own clock, the server's or a stored mark is wrong."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime, timedelta
from email.utils import format_datetime

import pytest
from structlog.testing import capture_logs

from procore_simulator.faults import Fault
from support.clock import WorkerClock
from support.oracle import differences, readable_projects
from support.worker import A_FEW, Install, Installation, advance, incomplete
from sync_worker.clock import utc_text
from sync_worker.logs import Event
from sync_worker.model import Outcome, Verdict
from sync_worker.state.instants import from_text

DAY = 86_400
LISTS = ("rfis", "meetings", "manpower_logs", "work_order_contract_line_items")


def installed(install: Install, *, ahead: timedelta = timedelta(0)) -> Installation:
    """Return an installation that read everything with the right time; a day later our clock is that much ahead."""
    here = install(streams=A_FEW)
    assert incomplete(here.run(*LISTS)) == []
    advance(here.simulator, DAY)
    here.clock = WorkerClock(here.simulator.world.clock, ahead)
    here.simulator.requests.clear()
    return here


def change(here: Installation, sql: str, *parameters: object) -> None:
    """Change the database as an earlier version, or somebody by hand, has left it."""
    with closing(sqlite3.connect(here.database)) as connection, connection:
        connection.execute(sql, parameters)


def now(here: Installation) -> datetime:
    return here.simulator.world.clock.now()


def dated(here: Installation, off: timedelta, times: int = 10_000) -> None:
    """Let Procore's answers carry the date of another time than its records do."""
    date = format_datetime(now(here) + off, usegmt=True)
    here.simulator.faults.add(Fault(path="/rest/*", headers={"Date": date}, times=times))


def ranges(here: Installation, stream: str = "rfis") -> list[tuple[datetime, datetime]]:
    """From when to when a list was asked for its changes, each window once, since the last look."""
    asked = {request.query.get("filters[updated_at]") for request in here.asked(stream)}
    here.simulator.requests.clear()
    return [tuple(map(from_text, window.split("..."))) for window in sorted(filter(None, asked))]  # type: ignore[misc]


def marked(here: Installation) -> Sequence[object]:
    return here.query("SELECT id FROM meetings WHERE _deleted_at NOTNULL")


@pytest.mark.parametrize("days", [-30, 30])
def test_clocks_that_are_weeks_apart_prove_nothing_and_what_came_is_stored(install: Install, days: int) -> None:
    here = installed(install, ahead=timedelta(days=days))
    project, marks = readable_projects(here.simulator)[0], here.marks()
    created = here.simulator.world.insert("rfis", project_id=project)["id"]
    gone = here.simulator.world.records("meetings", project_id=project)[0].record["id"]
    here.simulator.world.delete("meetings", gone)

    with capture_logs() as logs:
        report = here.run(*LISTS)

    assert report.totals.outcome == Outcome.PARTIAL
    assert {line.verdict for line in report.scopes} == {Verdict.INEXACT}
    (reason,) = {line.error for line in report.scopes}
    assert all(utc_text(clock.now())[:10] in (reason or "") for clock in (here.clock, here.simulator.world.clock))
    assert here.marks() == marks
    assert here.query("SELECT 1 FROM rfis WHERE id = ?", created)
    assert marked(here) == []
    assert len([it for it in logs if it["event"] == Event.CLOCKS_DIFFERED]) == 1
    assert len(here.asked("meetings")) == len(readable_projects(here.simulator))

    here.clock = WorkerClock(here.simulator.world.clock)
    assert incomplete(here.run(*LISTS, full_refresh=True)) == []
    assert marked(here) == [(gone,)]
    assert differences(here.simulator, here.database, streams=LISTS) == []


def test_a_clock_that_is_years_ahead_makes_no_history_old(install: Install) -> None:
    here = installed(install, ahead=timedelta(days=3_000))
    known = "SELECT count(*) FROM _run_scopes WHERE run_id = (SELECT min(run_id) FROM _runs)"
    before = here.query(known)

    here.run("rfis")

    assert here.query(known) == before


def test_a_wait_that_was_stored_in_the_future_is_over(install: Install) -> None:
    here = installed(install)
    later = now(here) + timedelta(days=30)
    until = utc_text(later + timedelta(minutes=30))
    change(here, "UPDATE _allowance SET seen_at = ?, waits_until = ?", utc_text(later), until)
    assert here.query("SELECT count(*) > 0 FROM _allowance") == [(1,)]

    began = here.clock.monotonic()
    assert incomplete(here.run("rfis")) == []

    assert here.clock.monotonic() - began < 600


def test_clocks_that_come_apart_while_a_run_goes_on_prove_nothing_from_then_on(install: Install) -> None:
    here = installed(install)
    # The answers that say which scopes there are pass first.
    date = format_datetime(now(here) - timedelta(days=30), usegmt=True)
    here.simulator.faults.add(Fault(path="/rest/*", headers={"Date": date}, after=2, times=10_000))

    report = here.run("rfis")

    verdicts = {(line.stream, line.verdict) for line in report.scopes}
    assert verdicts == {("companies", "complete"), ("projects", "complete"), ("rfis", "inexact")}


def test_a_difference_of_minutes_is_warned_of_and_proves_as_ever(install: Install) -> None:
    here = installed(install, ahead=timedelta(minutes=20))

    with capture_logs() as logs:
        report = here.run(*LISTS)

    assert incomplete(report) == []
    assert len([it for it in logs if it["event"] == Event.CLOCKS_DIFFERED]) == 1


def test_answers_that_a_cache_has_kept_prove_nothing(install: Install) -> None:
    here = installed(install)
    project, marks = readable_projects(here.simulator)[0], here.marks()
    gone = here.simulator.world.records("meetings", project_id=project)[0].record["id"]
    here.simulator.world.delete("meetings", gone)
    here.simulator.faults.add(Fault(path="*/meetings*", headers={"Age": "3600"}, times=100))

    report = here.run("meetings")

    assert {line.verdict for line in report.scopes if line.stream == "meetings"} == {Verdict.INEXACT}
    assert all("3600 s ago" in (line.error or "") for line in report.scopes if line.stream == "meetings")
    assert marked(here) == []
    assert {here.marks()[it] for it in marks if it[0] == "meetings"} == {marks["meetings", project]}
    here.simulator.faults.clear()
    here.simulator.faults.add(Fault(path="*/meetings*", headers={"Age": "0"}, times=100))
    assert incomplete(here.run("meetings")) == []


def test_one_run_with_procores_date_a_day_ahead_moves_no_mark_ahead(install: Install) -> None:
    here = installed(install)
    dated(here, timedelta(days=1))
    assert incomplete(here.run(*LISTS)) == []
    here.simulator.faults.clear()
    assert max(map(from_text, here.marks().values())) <= now(here)

    for project in readable_projects(here.simulator):
        advance(here.simulator, 3600)
        here.simulator.world.insert("rfis", project_id=project)
    advance(here.simulator, 3600)
    assert incomplete(here.run(*LISTS)) == []
    assert differences(here.simulator, here.database, streams=LISTS) == []


@pytest.mark.parametrize("hours", [-26, 26])
def test_neither_clock_hides_the_newest_records(install: Install, hours: int) -> None:
    here = installed(install, ahead=timedelta(hours=hours))

    assert incomplete(here.run("rfis")) == []

    later = max(now(here), here.clock.now())
    ((start, end),) = ranges(here)
    assert timedelta(0) <= end + timedelta(seconds=60) - later < timedelta(seconds=120)
    assert start < min(now(here), here.clock.now())


def test_a_mark_in_the_future_is_asked_from_where_its_run_began_and_set_right(install: Install) -> None:
    here = installed(install)
    project = readable_projects(here.simulator)[0]
    begun = from_text(here.query("SELECT min(started_at) FROM _runs")[0][0])
    change(here, "UPDATE _checkpoints SET mark = ?", utc_text(now(here) + timedelta(days=30)))
    # After the run that set the mark, and long before now.
    changed_at = begun + timedelta(hours=1)
    here.simulator.world.insert("rfis", {"updated_at": utc_text(changed_at)}, project_id=project)

    assert incomplete(here.run(*LISTS)) == []

    ((start, _),) = ranges(here)
    assert start == begun - timedelta(minutes=10)
    assert differences(here.simulator, here.database, streams=LISTS) == []
    assert max(map(from_text, here.marks().values())) <= now(here)
    here.run("rfis")
    ((start, _),) = ranges(here)
    assert start > now(here) - timedelta(hours=1)


@pytest.mark.parametrize("mark", ["2031-01-01T00:00:00Z", "tomorrow", ""])
def test_a_mark_of_which_nothing_is_known_is_no_mark(install: Install, mark: str) -> None:
    here = installed(install)
    change(here, "DELETE FROM _runs")
    change(here, "UPDATE _checkpoints SET mark = ?", mark)

    assert incomplete(here.run(*LISTS)) == []

    assert here.asked("rfis")
    assert ranges(here) == []
    assert max(map(from_text, here.marks().values())) <= now(here)


def test_what_was_read_whole_in_the_future_is_due(install: Install) -> None:
    here = installed(install)
    project = readable_projects(here.simulator)[0]
    gone = here.simulator.world.records("meetings", project_id=project)[0].record["id"]
    here.simulator.world.delete("meetings", gone)
    future = utc_text(now(here) + timedelta(days=400))
    later = "SELECT json_group_object(key, json_array(?, json_extract(value, '$[1]'))) FROM json_each(last_reads)"
    change(here, f"UPDATE _scope_state SET last_reads = ({later}) WHERE last_reads IS NOT NULL", future)
    change(here, "UPDATE _checkpoints SET mark = ?", future)

    assert incomplete(here.run(*LISTS, trigger="schedule")) == []

    assert marked(here) == [(gone,)]
    found = "SELECT 1 FROM _scope_state, json_each(last_reads) WHERE json_extract(value, '$[0]') > ?"
    assert here.query(found, utc_text(now(here))) == []
