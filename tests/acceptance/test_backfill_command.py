"""`sync-worker backfill` as a process."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

import pytest

from procore_simulator.faults import Fault
from support.oracle import differences
from support.worker import Install, Installation
from sync_worker.model import DateRange
from sync_worker.planning.windows import months

STREAMS = "manpower_logs,rfis"
MOST_UNDER_WAY = 4
BACKFILL = ("backfill", "--since", "2024-01-01", "--until", "2026-12-31", "--streams", STREAMS, "--json", "--yes")


@contextmanager
def serving(here: Installation) -> Iterator[subprocess.Popen[str]]:
    """Start a daemon, which holds the database; kill it at the end."""
    with here.start("serve", "--json", "-v") as process:
        try:
            until(process, "daemon.started")
            yield process
        finally:
            process.kill()


def until(process: subprocess.Popen[str], event: str, times: int = 1) -> None:
    """Follow a process until it has logged an event that often."""
    assert process.stderr is not None
    for line in process.stderr:
        times -= json.loads(line)["event"] == event
        if times == 0:
            return
    raise AssertionError(f"it ended without {event}")


def finished(here: Installation) -> set[tuple[int, str]]:
    """Return the months of the daily log that are done, by project."""
    parts = here.query("SELECT project_id, part FROM _backfill_parts WHERE stream = 'manpower_logs'")
    return {(project, part) for project, part in parts}


def asked(here: Installation) -> list[tuple[int, str]]:
    """Return the months of the daily log that were requested, by project."""
    return [
        (int(it.path.split("/")[4]), f"{it.query['start_date']}/{it.query['end_date']}")
        for it in here.asked("manpower_logs")
        if it.page == 1
    ]


def test_a_killed_backfill_reads_no_finished_month_again(install: Install) -> None:
    here = install(scale=0.3)
    here.simulator.faults.add(Fault(path="*/manpower_logs[?]*", delay_seconds=0.02, times=1_000_000))
    with here.start(*BACKFILL, "-v") as process:
        until(process, "page.fetched", times=50)
        process.kill()
        process.communicate()
    done = finished(here)
    here.simulator.faults.clear()
    here.simulator.requests.clear()

    answer = here.command(*BACKFILL)

    assert answer.returncode == 0
    found = json.loads(answer.stdout)
    assert list(found) == ["run_id", "outcome", "seconds", "requests", "rows", "streams"]
    again = asked(here)
    every = {
        (project, f"{days.start_on}/{days.end_on}")
        for project in {line["project_id"] for line in found["streams"]} - {None}
        for days in months(DateRange(date(2024, 1, 1), date(2026, 12, 31)))
    }
    assert done
    assert done.isdisjoint(again)
    # What was under way at the kill may be noted only now.
    assert len(again) - len(set(again)) <= MOST_UNDER_WAY
    assert done | set(again) == every
    assert differences(here.simulator, here.database, streams=STREAMS.split(",")) == []
    assert here.query("SELECT count(*) FROM _checkpoints") == [(0,)]
    assert finished(here) == set()


def test_a_backfill_beside_a_daemon_is_the_daemons_and_survives_it(install: Install) -> None:
    here = install(scale=0.3, config={"server": {"port": 0}})
    here.config["jobs"] = {}
    here.simulator.faults.add(Fault(path="*/manpower_logs[?]*", delay_seconds=0.02, times=1_000_000))
    with serving(here) as daemon, here.start(*BACKFILL) as follower:
        until(daemon, "page.fetched", times=50)
        follower.send_signal(signal.SIGINT)
        _, err = follower.communicate(timeout=60)
        until(daemon, "page.fetched")
    done = finished(here)
    here.simulator.faults.clear()
    here.simulator.requests.clear()
    with serving(here) as daemon:
        until(daemon, "run.finished")

    assert follower.returncode == 75
    assert "the daemon goes on with it" in err.splitlines()[-1]
    assert done
    assert done.isdisjoint(asked(here))
    assert here.query("SELECT trigger, outcome FROM _runs ORDER BY rowid") == [
        ("backfill", "interrupted"),
        ("backfill", "succeeded"),
    ]
    assert differences(here.simulator, here.database, streams=STREAMS.split(",")) == []
    assert here.query("SELECT count(*) FROM _checkpoints") == [(0,)]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--since", "2026-02-01", "--until", "2026-01-01"), "--since 2026-02-01 is after --until 2026-01-01"),
        (("--since", "2999-01-01"), "--since 2999-01-01 is after today"),
        (("--since", "2026-01-01", "--until", "9999-12-31"), "--until 9999-12-31 is more than a year ahead"),
        (("--since", "yesterday"), "--since"),
        ((), "--since"),
    ],
)
def test_a_period_without_days_is_a_usage_error(install: Install, arguments: tuple[str, ...], said: str) -> None:
    answer = install().command("backfill", *arguments)

    assert answer.returncode == 2
    assert said in answer.stderr
    assert "Traceback" not in answer.stderr


def planned(answer: subprocess.CompletedProcess[str]) -> dict[str, object]:
    """Return what a backfill said that it would request."""
    (event,) = [
        event for event in map(json.loads, answer.stderr.splitlines()[:1]) if event["event"] == "backfill.planned"
    ]
    return {key: event[key] for key in ("calls", "is_least", "each_project")}


def test_a_backfill_says_what_it_takes_and_nothing_large_begins_unless_that_is_wanted(install: Install) -> None:
    here = install(scale=0.1)
    here.command("run", "--streams", "manpower_logs")
    before = len(here.simulator.requests)

    large = here.command("backfill", "--since", "1900-01-01", "--until", "2026-10-31", "--streams", "manpower_logs")
    assert large.returncode == 2
    assert planned(large) == {"calls": 2 + 2 * 323, "is_least": False, "each_project": None}
    assert large.stderr.splitlines()[1].startswith("error: this takes 648 calls; ")
    assert large.stderr.endswith("stdin is not a terminal, add --yes to go on\n")
    assert len(here.simulator.requests) == before

    small = here.command(
        "backfill", "--since", "2026-01-01", "--until", "2026-10-31", "--streams", "manpower_logs", "--json"
    )
    assert small.returncode == 0
    assert planned(small)["calls"] == json.loads(small.stdout)["requests"]

    wanted = here.command(
        "backfill", "--since", "1900-01-01", "--until", "2026-10-31", "--streams", "manpower_logs", "--json", "--yes"
    )
    assert wanted.returncode == 0
    assert json.loads(wanted.stdout)["requests"] == planned(wanted)["calls"] == 648


def test_what_a_backfill_takes_before_any_project_is_known_is_said_for_each(install: Install) -> None:
    here = install(scale=0.1)
    answer = here.command(
        "backfill", "--since", "2026-01-01", "--until", "2026-10-31", "--streams", "manpower_logs,rfis"
    )

    assert answer.returncode == 2
    assert planned(answer) == {"calls": 2, "is_least": True, "each_project": 20}
    assert "at least 2 calls, and 20 or more for each project" in answer.stderr.splitlines()[1]
    assert not here.simulator.requests
    assert not here.database.exists()
