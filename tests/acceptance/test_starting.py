"""A signal at any moment while the command still starts: it ends as it would later, and leaves nothing behind."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from support.worker import A_FEW, Install, Installation
from sync_worker.cli.main import HANDLE_SIGNALS
from sync_worker.destination.sqlite import SqliteDestination

EVERYTHING = {"everything": {"kind": "sync", "streams": list(A_FEW), "schedule": "every 1s"}}
TOLD_OF_IMPORTS = ("env", "PYTHONPROFILEIMPORTTIME=1")
IMPORTED = "import time:"

SERVES = ("click", "sync_worker.logs", "sync_worker.settings.load", "sync_worker.app", "sync_worker.daemon")
RUNS = ("click", "sync_worker.logs", "sync_worker.app", "sync_worker.engine.handoff")


@contextmanager
def starting(here: Installation, *arguments: str, once_imported: str) -> Iterator[subprocess.Popen[str]]:
    """Start a command and yield it once it has imported that module; it does not outlive the test."""
    with here.start(*arguments, under=TOLD_OF_IMPORTS) as process:
        try:
            assert process.stderr is not None
            assert any(line.split()[-1] == once_imported for line in process.stderr), f"never imports {once_imported}"
            yield process
        finally:
            process.kill()


def ended(process: subprocess.Popen[str]) -> tuple[int, str, list[str]]:
    """Return the exit code of a process, its stdout, and its stderr without the lines on imports."""
    out, err = process.communicate(timeout=60)
    return process.returncode, out, [line for line in err.splitlines() if not line.startswith(IMPORTED)]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("moment", SERVES)
def test_a_daemon_stopped_while_it_is_imported_ends_quietly_with_0(
    install: Install, moment: str, number: signal.Signals
) -> None:
    here = install(streams=A_FEW, config={"server": {"port": 0}, "jobs": EVERYTHING})
    with starting(here, "serve", once_imported=moment) as process:
        process.send_signal(number)
        assert ended(process) == (0, "", [])
    assert not SqliteDestination(here.database).is_held()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
@pytest.mark.parametrize("moment", ["database", "answers", "begins"])
def test_a_daemon_stopped_while_it_opens_and_begins_ends_with_0(
    install: Install, moment: str, number: signal.Signals
) -> None:
    here = install(streams=A_FEW, config={"server": {"port": 0}, "jobs": EVERYTHING})
    with here.start("serve", "--json") as process:
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            if moment == "database":
                while not here.database.exists():
                    assert process.poll() is None
            else:
                (process.stdout if moment == "answers" else process.stderr).readline()
            process.send_signal(number)
            code, _, said = ended(process)
        finally:
            process.kill()
    assert code == 0
    assert [event for event in map(json.loads, said) if event["level"] not in ("info", "warning")] == []
    assert not SqliteDestination(here.database).is_held()
    assert here.command("run", "--streams", "companies").returncode == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
@pytest.mark.parametrize("moment", RUNS)
def test_a_run_stopped_while_it_is_imported_ends_with_75(install: Install, moment: str, number: signal.Signals) -> None:
    here = install(streams=A_FEW)
    with starting(here, "run", "--streams", "rfis", once_imported=moment) as process:
        process.send_signal(number)
        code, _, said = ended(process)
    assert code == 75
    assert said[-1].startswith("stopped: ")
    assert "Traceback" not in "".join(said)


def test_a_backfill_stopped_while_it_is_imported_ends_with_75(install: Install) -> None:
    here = install(streams=A_FEW)
    backfill = ("backfill", "--since", "2026-11-01", "--streams", "rfis", "--yes")
    with starting(here, *backfill, once_imported="sync_worker.logs") as process:
        process.send_signal(signal.SIGTERM)
        assert ended(process)[0] == 75


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, -signal.SIGTERM), (signal.SIGINT, 130), (signal.SIGHUP, -signal.SIGHUP)]
)
def test_what_only_looks_is_ended_by_a_signal_that_came_while_it_was_imported(
    install: Install, number: signal.Signals, code: int
) -> None:
    here = install(streams=A_FEW)
    with starting(here, "status", once_imported="click") as process:
        process.send_signal(number)
        found, out, said = ended(process)
    assert (found, out) == (code, "")
    assert [line for line in said if line] in ([], ["error: interrupted"])


def test_two_signals_at_the_start_end_no_later_than_one(install: Install) -> None:
    here = install(streams=A_FEW, config={"server": {"port": 0}, "jobs": EVERYTHING})
    with starting(here, "serve", once_imported="sync_worker.settings.load") as process:
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGINT)
        assert ended(process)[0] in (0, 130, 143)


def test_the_commands_that_handle_signals_are_those_that_hold_the_data() -> None:
    assert {"serve", "run", "backfill"} == HANDLE_SIGNALS


def test_a_new_database_is_warned_of_where_a_daemon_has_run_before(install: Install) -> None:
    here = install(streams=A_FEW)
    first = here.command("run", "--streams", "companies")
    here.database.unlink()
    heartbeat = here.folder / "data" / "heartbeat"
    heartbeat.parent.mkdir(exist_ok=True)
    heartbeat.touch()
    again = here.command("run", "--streams", "companies")

    assert (first.returncode, again.returncode) == (0, 0)
    assert "database.created" not in first.stderr
    (told,) = [line for line in map(json.loads, again.stderr.splitlines()) if line["event"] == "database.created"]
    assert (told["path"], "not mounted" in told["error"]) == (str(here.database), True)


@pytest.mark.parametrize(
    ("command", "code"), [(("serve",), 0), (("run", "--streams", "rfis"), 75)], ids=["serve", "run"]
)
def test_a_stop_ends_waiting_for_another_program_at_the_start(
    install: Install, command: tuple[str, ...], code: int
) -> None:
    here = install(streams=A_FEW, config={"server": {"port": 0}, "jobs": EVERYTHING})
    here.run("companies")
    with closing(sqlite3.connect(here.database, isolation_level=None)) as browser:
        browser.execute("BEGIN IMMEDIATE")
        with here.start(*command) as process:
            try:
                assert process.stderr is not None
                assert json.loads(process.stderr.readline())["event"] == "database.blocked"
                process.send_signal(signal.SIGTERM)
                ended_with, _, said = ended(process)
            finally:
                process.kill()
    assert ended_with == code
    assert [line for line in said if line.startswith("error")] == []
