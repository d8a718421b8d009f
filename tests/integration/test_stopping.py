from __future__ import annotations

import signal
import subprocess
import sys

import pytest

WAITS_DEAF = """
import sys, threading
from sync_worker.cli.signals import stop_on_signals
with stop_on_signals(deadline_seconds={deadline}) as stop:
    print("ready", flush=True)
    for _ in sys.stdin:
        pass
"""


def deaf_process(deadline_seconds: float) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", WAITS_DEAF.format(deadline=deadline_seconds)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_process_that_cannot_stop_is_gone_at_the_deadline_and_may_be_resumed(number: signal.Signals) -> None:
    with deaf_process(deadline_seconds=0.2) as process:
        process.send_signal(number)
        assert process.wait(timeout=60) == 75


def test_a_process_that_was_not_asked_to_stop_has_no_deadline() -> None:
    with deaf_process(deadline_seconds=0.0) as process:
        process.communicate("")
        assert process.returncode == 0
