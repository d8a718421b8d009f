"""A terminal sees how far a run is; nothing else does."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from contextlib import suppress

from procore_simulator.faults import Fault
from support.clock import environ_at
from support.worker import Install


def test_a_terminal_sees_how_far_a_run_is_and_the_answer_stays_clean(install: Install) -> None:
    here = install()
    here.simulator.faults.add(Fault(path="*/rfis[?]*", status=429, headers={"Retry-After": "2"}))
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "sync_worker", "-c", str(here.config_path), "run", "--streams", "rfis"],
        cwd=here.folder,
        env=environ_at(here.clock) | {"TERM": "xterm", "COLUMNS": "120"},
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
    )
    os.close(theirs)
    shown = b""
    with process, suppress(OSError):
        while chunk := os.read(ours, 65536):
            shown += chunk
    os.close(ours)

    assert process.returncode == 0
    assert b"2/2" in shown
    assert b"records" in shown
    assert b"waiting 2 s for the allowance" in shown
    assert b"waiting 1 s for the allowance" in shown


def test_without_a_terminal_no_bar_is_even_imported(install: Install) -> None:
    here = install()

    answer = here.command("run", "--streams", "companies", under=["env", "PYTHONPROFILEIMPORTTIME=1"])

    imported = {line.rpartition("|")[2].strip() for line in answer.stderr.splitlines() if "|" in line}
    assert "sync_worker.runner.run" in imported
    assert "rich.progress" not in imported
