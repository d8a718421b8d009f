"""A run that is stopped, killed, or meets another one: nothing lost, nothing doubled, the same command goes on."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from random import Random

import pytest

from procore_simulator.faults import Fault
from support.clock import MACHINE
from support.oracle import differences
from support.worker import A_FEW, Install, Installation
from sync_worker.cli.signals import DEADLINE_SECONDS

RUN = ("run", "--streams", ",".join(A_FEW), "--json")


def slowed(here: Installation, seconds: float) -> None:
    """Let every answer take that long."""
    here.simulator.faults.add(Fault(path="/rest/*", delay_seconds=seconds, times=1_000_000))


@contextmanager
def running(here: Installation, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Start a run; it does not outlive the test."""
    with here.start(*(arguments or RUN)) as process:
        try:
            yield process
        finally:
            process.kill()


def until(process: subprocess.Popen[str], event: str, times: int = 1) -> None:
    """Follow a run until it has logged an event that often."""
    assert process.stderr is not None
    for line in process.stderr:
        times -= json.loads(line)["event"] == event
        if times == 0:
            return
    raise AssertionError(f"the run ended without {event}")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_one_signal_ends_a_run_soon_and_the_same_command_completes_it(install: Install, number: signal.Signals) -> None:
    here = install(streams=A_FEW, most_per_page=5)
    slowed(here, 0.1)

    with running(here) as process:
        until(process, "scope.finished", times=6)
        process.send_signal(number)
        began = MACHINE.monotonic()
        out, err = process.communicate(timeout=60)
        took = MACHINE.monotonic() - began

    assert process.returncode == 75
    assert took < DEADLINE_SECONDS / 2
    assert "Traceback" not in err
    assert err.splitlines()[-1].startswith("stopped: ")
    assert json.loads(out)["outcome"] == "interrupted"
    assert here.query("SELECT outcome FROM _runs") == [("interrupted",)]
    asked = [it for it in here.simulator.requests if not it.path.startswith("/oauth/")]
    answered = [request for request in asked if request.status == 200]
    assert here.query("SELECT sum(pages) FROM _run_scopes") == [(len(answered),)]
    assert here.query("SELECT DISTINCT error FROM _run_scopes WHERE verdict IS NOT 'complete'") == [("interrupted",)]
    assert here.query("SELECT count(*) FROM _run_scopes WHERE finished_at IS NULL") == [(0,)]

    here.simulator.faults.clear()
    assert here.command(*RUN).returncode == 0
    assert differences(here.simulator, here.database) == []


@pytest.mark.parametrize(
    ("status", "event"), [(429, "allowance.waiting"), (503, "allowance.waiting"), (500, "request.retry_scheduled")]
)
def test_a_signal_ends_every_wait(install: Install, status: int, event: str) -> None:
    here = install(streams=A_FEW)
    # An error page that asks for more than a minute is not waited for.
    wait = {"Retry-After": "50" if status == 500 else "200"}
    here.simulator.faults.add(Fault(path="*/rfis[?]*", status=status, headers=wait, times=1_000))

    with running(here) as process:
        until(process, event)
        process.terminate()
        assert process.wait(timeout=60) == 75

    here.simulator.faults.clear()
    # A wait for the allowance outlives the process; here its end has come.
    with closing(sqlite3.connect(here.database)) as connection, connection:
        connection.execute("UPDATE _allowance SET waits_until = '2020-01-01T00:00:00Z'")
    assert here.command(*RUN).returncode == 0
    assert differences(here.simulator, here.database) == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)])
def test_a_second_signal_ends_a_run_at_once(install: Install, number: signal.Signals, code: int) -> None:
    here = install(streams=A_FEW)
    slowed(here, 30)

    with running(here) as process:
        until(process, "token.granted")
        process.send_signal(number)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=0.3)
        while process.poll() is None:
            # Two that come before the first was handled are one to the process.
            process.send_signal(number)
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=0.3)
        assert process.returncode == code

    here.simulator.faults.clear()
    assert here.command(*RUN).returncode == 0
    assert differences(here.simulator, here.database) == []


def test_kills_at_any_moment_lose_nothing_and_double_nothing(install: Install) -> None:
    here = install(streams=A_FEW, most_per_page=10)
    slowed(here, 0.01)
    random = Random(20)  # noqa: S311 - any moment will do

    for _ in range(5):
        with running(here, *RUN, "-v") as process:
            until(process, "page.fetched", times=random.randint(1, 40))
            process.kill()
            assert process.wait(timeout=60) == -signal.SIGKILL
        assert here.query("PRAGMA integrity_check") == [("ok",)]
        orphans = "SELECT count(*) FROM _run_scopes WHERE rows_seen <> distinct_keys OR verdict NOT IN ('complete')"
        assert here.query(orphans) == [(0,)]

    here.simulator.faults.clear()
    answer = here.command(*RUN)

    assert answer.returncode == 0
    assert differences(here.simulator, here.database) == []
    outcomes = "SELECT outcome, count(*) FROM _runs GROUP BY outcome ORDER BY outcome"
    assert here.query(outcomes) == [("interrupted", 5), ("succeeded", 1)]
    doubled = "SELECT 1 FROM _field_history GROUP BY stream, record_key, field, project_id HAVING count(*) > 1"
    assert here.query(doubled) == []
    inserted = here.query("SELECT sum(inserted), sum(updated) FROM _runs")
    assert inserted == [(sum(map(len, here.versions().values())), 0)]


def test_a_second_run_ends_with_4_and_names_who_holds_the_database(install: Install) -> None:
    here = install(streams=A_FEW)
    slowed(here, 30)

    with running(here) as first:
        until(first, "token.granted")
        second = here.command(*RUN)

        assert second.returncode == 4
        (line,) = second.stderr.splitlines()
        assert f"process {first.pid} on " in line
        assert second.stdout == ""
        assert first.poll() is None
