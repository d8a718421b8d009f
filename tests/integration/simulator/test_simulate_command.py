"""`sync-worker simulate` as a process."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest
import requests
import yaml

from sync_worker.clock import OFFSET_VARIABLE, process_clock

Run = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def run() -> Iterator[Run]:
    """Start the command with these arguments; what is still running afterwards is killed."""
    with ExitStack() as stack:

        def run(*arguments: str) -> subprocess.Popen[str]:
            process = subprocess.Popen(
                [sys.executable, "-m", "sync_worker", "simulate", *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            stack.enter_context(process)
            stack.callback(process.kill)
            return process

        yield run


def announced(process: subprocess.Popen[str]) -> dict[str, str]:
    assert process.stdout is not None
    found: dict[str, str] = json.loads(process.stdout.readline())
    return found


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_tells_how_to_reach_it_and_stops_when_asked(run: Run, number: signal.Signals) -> None:
    process = run("--port", "0", "--projects", "2", "--json")
    access = announced(process)

    state = requests.get(f"{access['url']}/_simulator/state", timeout=60).json()
    assert state["company_id"] == access["company_id"]
    assert len(state["projects"]) == 2
    config = yaml.safe_load(access["config"])["procore"]
    assert (config["api_url"], config["client_secret"]) == (access["url"], access["client_secret"])
    process.send_signal(number)
    assert process.wait(10) == 0


def test_it_stops_with_its_parent(run: Run) -> None:
    process = run("--port", "0", "--json", "--stop-with-stdin")
    announced(process)

    assert process.stdin is not None
    process.stdin.close()

    assert process.wait(10) == 0


def test_its_limits_size_and_clock_are_options(run: Run) -> None:
    options = ["--bulk", "rfis=500", "--projects", "1", "--spike", "5", "--fast", "100", "--today", "2026-01-05"]
    access = announced(run("--port", "0", "--json", *options))

    records = requests.get(f"{access['url']}/_simulator/records/rfis", timeout=60).json()["records"]
    answer = requests.get(f"{access['url']}/rest/v1.0/me", timeout=60)

    assert len(records) == 500
    assert answer.headers["X-Rate-Limit-Limit"] == "5"
    assert "05 Jan 2026" in answer.headers["Date"]


def test_a_world_at_another_date_prints_the_variable_for_a_worker(run: Run) -> None:
    noon = datetime(2026, 1, 5, 15, tzinfo=UTC)
    told = announced(run("--port", "0", "--json", "--projects", "1", "--today", "2026-01-05"))
    process = run("--port", "0", "--projects", "1", "--today", "2026-01-05")
    assert process.stdout is not None
    text = "".join(iter(process.stdout.readline, "procore:\n"))

    (exported,) = re.findall(rf"^# export {OFFSET_VARIABLE}=(-?\d+)$", text, re.MULTILINE)
    for offset in (told["clock_offset"], exported):
        late = process_clock({OFFSET_VARIABLE: str(offset)}).now() - noon
        assert abs(late) < timedelta(seconds=60)


def test_a_world_at_the_present_tells_of_no_other_time(run: Run) -> None:
    process = run("--port", "0", "--projects", "1")
    assert process.stdout is not None

    assert OFFSET_VARIABLE not in "".join(iter(process.stdout.readline, "procore:\n"))


def test_a_port_that_is_taken_is_one_clear_line(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        process = run("--port", port)
        _, complaint = process.communicate(timeout=60)

    assert process.returncode == 2
    assert complaint.splitlines() == [f"error: cannot listen on 127.0.0.1:{port}: Address already in use"]


def test_a_bulk_stream_that_is_unknown_is_a_usage_error(run: Run) -> None:
    process = run("--bulk", "rfi=5")
    _, complaint = process.communicate(timeout=60)

    assert process.returncode == 2
    assert "--bulk rfi=5" in complaint


@pytest.mark.parametrize(("form", "kind"), [("described", float), ("observed", str)])
def test_the_form_of_its_records_is_an_option(run: Run, form: str, kind: type) -> None:
    access = announced(run("--port", "0", "--json", "--projects", "1", "--form", form))

    records = requests.get(f"{access['url']}/_simulator/records/tax_codes", timeout=60).json()["records"]

    assert {type(it["record"]["rate1"]) for it in records} == {kind}
