"""The daemon as a process: it counts ticks, runs jobs, answers probes, and ends when told or killed without loss."""

from __future__ import annotations

import http.client
import json
import os
import platform
import pty
import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest

from procore_simulator.faults import Fault
from support.clock import MACHINE, environ_at
from support.oracle import differences
from support.worker import A_FEW, Install, Installation
from sync_worker import __version__
from sync_worker.cli.signals import DEADLINE_SECONDS
from sync_worker.destination.sqlite import SqliteDestination

EVERYWHERE = "0.0.0.0"  # noqa: S104 - the daemon must show nothing there
EVERYTHING = {"kind": "sync", "streams": list(A_FEW), "schedule": "every 1s"}


def daemon_of(install: Install, **jobs: Any) -> Installation:
    """Return an installation whose daemon runs these jobs and listens on a free port."""
    here = install(streams=A_FEW, most_per_page=10, config={"server": {"port": 0}})
    here.config["jobs"] = jobs
    return here


@contextmanager
def serving(here: Installation, under: Sequence[str] = ()) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start a daemon that counts ticks; yield it and the address of its probes. It does not outlive the test."""
    with here.start("serve", "--json", under=under) as process:
        try:
            assert process.stdout is not None
            said = process.stdout.readline()
            assert said, process.stderr and process.stderr.read()
            yield process, json.loads(said)["url"]
        finally:
            process.kill()


def until(process: subprocess.Popen[str], event: str, times: int = 1) -> dict[str, Any]:
    """Follow a daemon until it has logged an event that often; the last one."""
    assert process.stderr is not None
    for line in process.stderr:
        logged: dict[str, Any] = json.loads(line)
        times -= logged["event"] == event
        if times == 0:
            return logged
    raise AssertionError(f"the daemon ended without {event}")


def stopped(process: subprocess.Popen[str], number: signal.Signals = signal.SIGTERM) -> float:
    """Stop a daemon; the seconds that took."""
    began = MACHINE.monotonic()
    process.send_signal(number)
    process.communicate(timeout=60)
    return MACHINE.monotonic() - began


def answer(url: str) -> tuple[int, Any]:
    """Status and body of a probe."""
    try:
        with urllib.request.urlopen(url, timeout=60) as response:  # noqa: S310 - our own daemon
            return response.status, json.load(response)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, json.load(refused)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_daemon_stopped_in_mid_run_ends_soon_with_0_and_the_next_one_goes_on(
    install: Install, number: signal.Signals
) -> None:
    here = daemon_of(install, everything=EVERYTHING)
    here.simulator.faults.add(Fault(path="/rest/*", delay_seconds=0.1, times=1_000_000))
    with serving(here) as (process, _):
        until(process, "scope.finished", times=6)
        took = stopped(process, number)
    assert process.returncode == 0
    assert took < DEADLINE_SECONDS / 2
    assert here.query("SELECT DISTINCT outcome FROM _runs WHERE started_at IS NOT NULL") == [("interrupted",)]

    here.simulator.faults.clear()
    with serving(here) as (process, _):
        assert until(process, "run.finished")["outcome"] == "succeeded"
        stopped(process)
    assert differences(here.simulator, here.database) == []
    ticks = here.query("SELECT job, scheduled_at FROM _runs WHERE scheduled_at IS NOT NULL")
    assert len(ticks) == len(set(ticks))


def test_a_daemon_whose_terminal_is_closed_ends_with_0(install: Install) -> None:
    here = daemon_of(install, everything=EVERYTHING)
    ours, theirs = pty.openpty()
    command = ("setsid", "-c", sys.executable, "-m", "sync_worker", "-c", str(here.config_path), "serve")
    with subprocess.Popen(
        command, env=environ_at(here.clock), cwd=here.folder, stdin=theirs, stdout=theirs, stderr=theirs
    ) as process:
        try:
            os.close(theirs)
            shown = b""
            while b"stop with Ctrl-C" not in shown:
                shown += os.read(ours, 4096)
            os.close(ours)
            assert process.wait(timeout=60) == 0
        finally:
            process.kill()
    assert not SqliteDestination(here.database).is_held()


def test_a_daemon_under_nohup_outlives_a_hangup(install: Install) -> None:
    here = daemon_of(install, everything=EVERYTHING)
    with serving(here, under=("sh", "-c", """trap '' HUP; exec "$@\"""", "sh")) as (process, _):
        process.send_signal(signal.SIGHUP)
        # A daemon that stops finishes one run at most.
        until(process, "run.finished", times=3)
        stopped(process)
    assert process.returncode == 0


def test_a_killed_daemons_run_is_closed_and_gone_on_with(install: Install) -> None:
    here = daemon_of(install, everything=EVERYTHING)
    here.simulator.faults.add(Fault(path="/rest/*", delay_seconds=0.1, times=1_000_000))
    with serving(here) as (process, _):
        killed = until(process, "scope.finished", times=6)["run_id"]
        process.kill()
        process.wait()

    here.simulator.faults.clear()
    with serving(here) as (process, _):
        assert until(process, "run.finished")["outcome"] == "succeeded"
        stopped(process)
    assert here.query("SELECT outcome, error FROM _runs WHERE run_id = ?", killed) == [
        ("interrupted", "the process ended without finishing")
    ]
    assert differences(here.simulator, here.database) == []


def test_a_daemon_shows_its_numbers_to_whoever_has_the_token(install: Install) -> None:
    here = daemon_of(install, once={"kind": "sync", "streams": ["rfis"], "schedule": "every 1s"})
    here.config["server"] = {"port": 0, "token": "t0ken-of-the-daemon"}
    with serving(here) as (process, url):
        until(process, "run.finished")
        assert answer(f"{url}/metrics")[0] == 401
        assert answer(f"{url}/healthz")[0] == 200
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
        connection.request("GET", "/metrics", headers={"Authorization": "Bearer t0ken-of-the-daemon"})
        text = connection.getresponse().read().decode()
        connection.close()
        process.kill()
    assert f'procore_sync_build_info{{python="{platform.python_version()}",version="{__version__}"}} 1.0' in text
    assert re.search(r'^procore_sync_runs_total{job="once",outcome="succeeded"} [1-9]', text, re.MULTILINE)
    calls = re.search(r'^procore_sync_calls_total{status="2xx"} (\d+)', text, re.MULTILINE)
    assert calls
    assert int(calls[1]) >= 4
    assert "t0ken" not in text


def test_a_daemon_on_another_address_without_a_token_answers_probes_alone(install: Install) -> None:
    here = daemon_of(install)
    here.config["server"] = {"port": 0, "host": EVERYWHERE}
    with serving(here) as (process, url):
        from_here = url.replace(EVERYWHERE, "127.0.0.1")
        assert answer(f"{from_here}/healthz")[0] == 200
        assert answer(f"{from_here}/metrics")[0] == 404
        process.kill()


def test_a_flood_of_unfinished_requests_shuts_out_neither_probes_nor_runs_and_is_logged_once(install: Install) -> None:
    here = daemon_of(install, everything=EVERYTHING)
    with serving(here, under=("sh", "-c", 'ulimit -n 200; exec "$@"', "sh")) as (process, url):
        until(process, "run.finished")
        place = urlsplit(url)
        with ExitStack() as stack:
            for _ in range(400):
                held = stack.enter_context(socket.create_connection((place.hostname, place.port)))
                held.sendall(b"GET /readyz HTTP/1.1\r\nHost: ")
            assert answer(f"{url}/healthz") == (200, {"beats": True})
            assert answer(f"{url}/readyz") == (200, {"ready": True})
            finished = until(process, "run.finished", times=2)
            assert answer(f"{url}/healthz")[0] == 200
            process.send_signal(signal.SIGTERM)
            _, rest = process.communicate(timeout=60)

    assert finished["outcome"] == "succeeded"
    assert process.returncode == 0
    # The first at once, most of the others in sum when it ends, or after a minute.
    assert rest.count("connections.refused") <= 2


def test_a_second_daemon_ends_with_4_and_names_the_first(install: Install) -> None:
    here = daemon_of(install, by_hand={"kind": "sync", "streams": ["rfis"]})
    with serving(here) as (process, _):
        second = here.command("serve")
        assert process.poll() is None

    assert second.returncode == 4
    assert f"the daemon, process {process.pid} on " in second.stderr


def test_a_daemon_answers_its_probes_and_the_health_check(install: Install) -> None:
    here = daemon_of(install, by_hand={"kind": "sync", "streams": ["rfis"]})
    before = here.command("healthcheck")
    with serving(here) as (process, url):
        until(process, "daemon.started")
        during = here.command("healthcheck")
        health = answer(f"{url}/healthz")
        assert answer(f"{url}/readyz")[0] in (200, 503)
        assert stopped(process) < DEADLINE_SECONDS / 2

    assert (before.returncode, during.returncode) == (1, 0)
    assert health == (200, {"beats": True})


def test_a_daemon_whose_database_is_replaced_goes_on_in_the_new_one_and_is_not_well_without_any(
    install: Install,
) -> None:
    here = daemon_of(install, often={"kind": "sync", "streams": ["rfis"], "schedule": "every 1s"})
    here.run("rfis")
    backup = here.folder / "backup.db"
    shutil.copy(here.database, backup)
    with serving(here) as (process, _):
        until(process, "run.finished")
        shutil.copy(backup, here.folder / "copy.db")
        (here.folder / "copy.db").replace(here.database)

        until(process, "database.reopened")
        until(process, "run.finished", 2)
        assert here.query("SELECT count(*) FROM _runs WHERE outcome = 'succeeded'")[0][0] >= 2

        for name in ("procore.db", "procore.db-wal", "procore.db-shm"):
            (here.folder / name).unlink(missing_ok=True)
        lost = until(process, "database.lost")
        assert "procore.db" in lost["error"]
        until(process, "ledger.refused")
        unwell = here.command("healthcheck", "--json")
        assert not here.database.exists()

        shutil.copy(backup, here.database)
        until(process, "database.reopened")
        until(process, "run.finished")
        assert stopped(process) < DEADLINE_SECONDS

    assert unwell.returncode == 1
    assert "put it back" in json.loads(unwell.stdout)["error"]
    assert here.query("SELECT count(*) FROM _runs WHERE outcome = 'succeeded'")[0][0] >= 2


@pytest.mark.parametrize(
    ("job", "reason"),
    [
        (
            {"kind": "sync", "streams": ["rfis"], "schedule": "0 0 30 2 *"},
            "jobs.broken.schedule: schedule '0 0 30 2 *'",
        ),
        ({"schedule": "@daily"}, "jobs.broken: unknown job"),
    ],
)
def test_a_job_that_cannot_be_run_is_told_before_the_daemon_starts(
    install: Install, job: dict[str, Any], reason: str
) -> None:
    answered = daemon_of(install, broken=job).command("serve")

    assert answered.returncode == 2
    (line,) = answered.stderr.splitlines()
    assert reason in line


def test_an_address_that_is_taken_is_told(install: Install) -> None:
    here = daemon_of(install)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        here.config["server"]["port"] = taken.getsockname()[1]
        answered = here.command("serve")

    assert answered.returncode == 2
    assert "cannot listen on 127.0.0.1" in answered.stderr
    assert here.command("healthcheck").returncode == 1


def test_a_run_beside_a_daemon_is_taken_within_a_second_and_followed(install: Install) -> None:
    here = daemon_of(install, by_hand={"kind": "sync", "streams": ["rfis"]})
    # Not everything: nobody reads what the daemon logs meanwhile, and a pipe that is full would stop it.
    some = ["manpower_logs", "meetings"]
    with serving(here) as (process, _):
        until(process, "daemon.started")
        began = MACHINE.monotonic()
        followed = here.command("run", "--streams", ",".join(some), "--json")
        took = MACHINE.monotonic() - began
        again = here.command("run", "by_hand", "--full-refresh")
        unknown = here.command("run", "--streams", "rfiss")
        stopped(process)

    assert followed.returncode == 0
    told = json.loads(followed.stdout)
    assert told["outcome"] == "succeeded"
    assert took < 60
    assert differences(here.simulator, here.database, streams=some) == []
    assert again.returncode == 0
    assert "succeeded: " in again.stdout
    assert unknown.returncode == 2
    rows = here.query("SELECT run_id, job, trigger, outcome FROM _runs ORDER BY rowid")
    assert rows[0] == (told["run_id"], "manpower_logs,meetings", "manual", "succeeded")
    assert [row[1:] for row in rows[1:]] == [("by_hand", "manual", "succeeded")]


def test_ctrl_c_stops_the_following_and_not_the_run(install: Install) -> None:
    here = daemon_of(install, by_hand={"kind": "sync", "streams": ["rfis"]})
    here.simulator.faults.add(Fault(path="/rest/*", delay_seconds=0.05, times=1_000_000))
    with serving(here) as (process, _):
        until(process, "daemon.started")
        with here.start("run", "--streams", ",".join(A_FEW)) as follower:
            run_id = until(process, "run.started")["run_id"]
            follower.send_signal(signal.SIGINT)
            out, err = follower.communicate(timeout=60)
        assert follower.returncode == 75
        assert f"no longer following run {run_id}" in err
        assert out == ""
        here.simulator.faults.clear()
        assert until(process, "run.finished")["outcome"] == "succeeded"
        stopped(process)

    assert differences(here.simulator, here.database) == []


def test_a_handed_over_run_that_the_daemon_leaves_is_gone_on_with(install: Install) -> None:
    here = daemon_of(install, by_hand={"kind": "sync", "streams": ["rfis"]})
    here.simulator.faults.add(Fault(path="/rest/*", delay_seconds=0.1, times=1_000_000))
    with serving(here) as (process, _), here.start("run", "--streams", ",".join(A_FEW), "--json") as follower:
        until(process, "scope.finished", times=4)
        stopped(process)
        out, _ = follower.communicate(timeout=60)
    assert follower.returncode == 75
    assert json.loads(out)["outcome"] == "interrupted"

    here.simulator.faults.clear()
    with serving(here) as (process, _):
        assert until(process, "run.finished")["outcome"] == "succeeded"
        stopped(process)
    assert differences(here.simulator, here.database) == []


def test_a_handed_over_run_is_told_as_the_same_run_here_would_be(install: Install) -> None:
    here = daemon_of(install, by_hand={"kind": "sync", "streams": ["rfis"]})
    with serving(here) as (process, _):
        until(process, "daemon.started")
        followed = here.command("run", "by_hand", "--json")
        stopped(process)
    alone = here.command("run", "by_hand", "--json")

    def told(answer: subprocess.CompletedProcess[str]) -> tuple[list[Any], list[Any]]:
        events = [json.loads(line) for line in answer.stderr.splitlines()]
        scopes = [event for event in events if event["event"] == "scope.finished"]
        of_run = [event["event"] for event in events if event["event"].startswith("run.")]
        return of_run, sorted([event["stream"], event.get("project_id"), event["verdict"]] for event in scopes)

    assert told(followed) == (["run.handed_over", *told(alone)[0]], told(alone)[1])
    assert told(alone)[0] == ["run.started", "run.finished"]
    assert json.loads(followed.stdout).keys() == json.loads(alone.stdout).keys()


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault(path="/oauth/token", status=401, body='{"error": "invalid_client"}', times=1_000), 3),
        (Fault(path="*/rfis[?]*", status=400, times=1_000), 1),
        (Fault(path="*/rfis[?]*", status=403, times=1_000), 3),
    ],
    ids=["credentials refused", "request refused", "not permitted"],
)
def test_a_handed_over_run_ends_with_the_code_that_it_would_have_here(
    install: Install, fault: Fault, code: int
) -> None:
    here = daemon_of(install, by_hand={"kind": "sync", "streams": ["rfis"]})
    here.simulator.faults.add(fault)
    with serving(here) as (process, _):
        until(process, "daemon.started")
        followed = here.command("run", "by_hand")
        stopped(process)
    alone = here.command("run", "by_hand")

    assert (followed.returncode, alone.returncode) == (code, code)
    assert [line for line in followed.stderr.splitlines() if line.startswith("error: ")] == [
        line for line in alone.stderr.splitlines() if line.startswith("error: ")
    ]


def test_a_spent_allowance_ends_who_does_not_wait_in_the_daemon_and_after_it(install: Install) -> None:
    here = daemon_of(install, by_hand={"kind": "sync", "streams": ["rfis"]}, other={"kind": "sync", "streams": ["*"]})
    here.simulator.faults.add(Fault(path="*/rfis[?]*", status=429, headers={"Retry-After": "3000"}))
    with serving(here) as (process, _):
        until(process, "daemon.started")
        waiting = here.start("run", "other")
        waits = until(process, "allowance.waiting")
        followed = here.command("run", "by_hand", "--no-wait")
        seconds = stopped(process)
        waiting.communicate()
    asked = len(here.simulator.requests)
    alone = here.command("run", "by_hand", "--no-wait")

    assert waits["seconds"] == pytest.approx(3000, abs=5)
    assert (followed.returncode, alone.returncode) == (4, 4)
    for answered in (followed, alone):
        assert "stopped: Procore's allowance is spent until 20" in answered.stderr
    assert len(here.simulator.requests) == asked, "who comes after the daemon knows until when it is spent"
    assert seconds < DEADLINE_SECONDS / 2, "the daemon does not wait for the allowance once it is to stop"
    outcomes = here.query("SELECT job, outcome FROM _runs ORDER BY started_at, rowid")
    assert sorted(outcomes) == [("by_hand", "interrupted"), ("by_hand", "interrupted"), ("other", "interrupted")]


def test_what_the_daemons_configuration_does_not_know_is_a_configuration_error_of_who_asks(install: Install) -> None:
    here = daemon_of(install, by_hand={"kind": "sync", "streams": ["rfis"]})
    own = {"path": "/rest/v1.0/projects/{project_id}/rfis", "scope": "project", "primary_key": ["id"]}
    with serving(here) as (process, _):
        until(process, "daemon.started")
        here.config["streams"] = {"my_rfis": own}
        answered = here.command("run", "--streams", "my_rfis")
        stopped(process)

    assert answered.returncode == 2
    assert "my_rfis" in answered.stderr.splitlines()[-1]


def test_a_killed_daemons_database_is_free_at_once_and_its_run_is_seen_as_interrupted(install: Install) -> None:
    here = daemon_of(install, everything=EVERYTHING)
    here.simulator.faults.add(Fault(path="/rest/*", delay_seconds=0.1, times=1_000_000))
    with serving(here) as (process, _):
        run_id = until(process, "scope.finished", times=2)["run_id"]
        alive = json.loads(here.command("status", "--json").stdout)
        process.kill()
        process.wait()
    dead = json.loads(here.command("status", "--json").stdout)
    in_full = json.loads(here.command("runs", run_id, "--json").stdout)
    here.simulator.faults.clear()

    assert [run["run_id"] for run in alive["running"]] == [run_id]
    assert (alive["daemon"].startswith(f"process {process.pid} on "), dead["daemon"]) == (True, None)
    assert dead["running"] == []
    assert (in_full["outcome"], in_full["error"]) == ("interrupted", "the process ended without finishing")
    assert here.query("SELECT outcome FROM _runs WHERE run_id = ?", run_id) == [(None,)]
    assert here.command("run", "--streams", "companies").returncode == 0
    assert here.query("SELECT outcome FROM _runs WHERE run_id = ?", run_id) == [("interrupted",)]


def test_a_daemon_whose_credentials_are_refused_is_alive_and_not_ready(install: Install) -> None:
    here = daemon_of(install, everything=EVERYTHING)
    here.config["procore"] = {"client_secret": "not-the-secret"}
    with serving(here) as (process, url):
        assert until(process, "run.finished")["outcome"] == "failed"
        assert (answer(f"{url}/healthz")[0], answer(f"{url}/readyz")[0]) == (200, 503)
