"""The cost of a command: CPU, time and memory of its process only."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from sync_worker.clock import SystemClock


class Cost(NamedTuple):
    """The cost of a process; CPU is user and system time."""

    cpu_seconds: float
    wall_seconds: float
    peak_mb: float


def measured(
    command: Sequence[str], *, stdin: bytes = b"", cwd: Path | None = None, bytecode: Path
) -> tuple[Cost, str]:
    """Run a command and return its cost and its output. Raises `RuntimeError` when it fails.

    Modules are compiled once, into the folder `bytecode`, as for an installed program.
    """
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environ["PYTHONPYCACHEPREFIX"] = str(bytecode)
    clock = SystemClock()
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as log:
        given.write(stdin)
        given.seek(0)
        began = clock.monotonic()
        process = subprocess.Popen(command, stdin=given, stdout=said, stderr=log, cwd=cwd, env=environ)
        # wait4 reports the usage of one child; subprocess would reap the child without it.
        _, status, usage = os.wait4(process.pid, 0)
        seconds = clock.monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        log.seek(0)
        if process.returncode != 0:
            raise RuntimeError(f"{command} ended with {process.returncode}: {said.read()!r} {log.read()[-2000:]!r}")
        return Cost(usage.ru_utime + usage.ru_stime, seconds, usage.ru_maxrss / 1024), said.read().decode()
