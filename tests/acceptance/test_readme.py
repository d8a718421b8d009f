from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TRIED = re.compile(r"<!-- tried by tests/acceptance/test_readme\.py -->\n```\n(.+?)```", re.DOTALL)
BASH = shutil.which("bash")


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


@pytest.mark.skipif(BASH is None, reason="the README's commands are for bash")
def test_the_commands_that_the_readme_says_to_try_work(tmp_path: Path) -> None:
    found = TRIED.findall((ROOT / "README.md").read_text("utf-8"))
    assert len(found) == 2
    # Somebody else may hold the two ports here.
    another = "echo 'server: {port: 0}' >> config.yaml\nsync-worker config check"
    commands = "".join(found).replace("8792", str(free_port())).replace("sync-worker config check", another)
    program = tmp_path / "bin" / "sync-worker"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m sync_worker "$@"\n')
    program.chmod(0o755)
    done = subprocess.run(
        [str(BASH), "-e", "-c", commands],
        cwd=tmp_path,
        env={**os.environ, "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "config.yaml: ok" in done.stdout
    assert re.search(r"^closed +\d+$", done.stdout, re.MULTILINE)
    assert "All is well" in done.stdout
    assert "the daemon beats" in done.stdout
    assert re.search(r"^\d+ RFIs are overdue", done.stdout, re.MULTILINE)
    assert list(tmp_path.glob("try/data/reports/rfi_ageing/*/rfi_ageing.html"))
    assert '"event": "daemon.stopped"' in (tmp_path / "try" / "daemon.log").read_text("utf-8")
