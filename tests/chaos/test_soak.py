"""A daemon with faults, kills, stops and edits for a while: in the end every table equals Procore."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections import Counter
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import pytest

from support.background_edits import BackgroundEdits
from support.broken_answers import BROKEN_ANSWERS, broken_answer
from support.clock import MACHINE
from support.oracle import differences
from support.worker import Install, Installation, incomplete

MINUTES = float(os.environ.get("SOAK_MINUTES", "10"))
JOBS: dict[str, list[str]] = {
    "field": ["rfis", "punch_items", "submittals", "observations", "photos", "manpower_logs"],
    "financials": ["work_order_contract_line_items", "budget_view_detail_rows"],
}
STREAMS = sorted({name for names in JOBS.values() for name in names} | {"projects"})
LISTS = ("*/rfis*", "*/punch_items*", "*/images*", "*/line_items*", "*/detail_rows*")
# A token that is refused twice in a row stops the credential for five minutes.
KINDS = sorted(set(BROKEN_ANSWERS) - {"a refused token"})
LONGEST_RUN_SECONDS = 8.0


class Soak:
    """Daemons, one after the other; `counts` has how they ended."""

    def __init__(self, installation: Installation, seed: int) -> None:
        self._installation = installation
        self._random = Random(seed)  # noqa: S311 - anything may happen
        self.counts: Counter[str] = Counter()
        self.peak_megabytes = 0

    def run_daemon(self, seconds: float) -> None:
        """Run a daemon for `seconds` with faults, then kill or stop it."""
        random, faults = self._random, self._installation.simulator.faults
        for _ in range(random.randint(0, 4)):
            kind, after, times = random.choice(KINDS), random.randint(0, 20), random.randint(1, 2)
            faults.add(broken_answer(kind, path=random.choice(LISTS), after=after, times=times))
        with self._installation.start("serve", "-q") as process:
            try:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(timeout=seconds)
                assert process.poll() is None, process.communicate()[1]
                self._record_memory(process.pid)
                number = random.choice([signal.SIGKILL, signal.SIGTERM])
                process.send_signal(number)
                self.counts[number.name] += 1
                process.communicate(timeout=60)
                assert process.returncode == (0 if number is signal.SIGTERM else -number)
            finally:
                process.kill()

    def last(self) -> None:
        """Run a last daemon without faults and edits, which resumes interrupted runs."""
        self._installation.simulator.faults.clear()
        left = set(JOBS)
        with self._installation.start("serve", "--json") as process:
            try:
                assert process.stderr is not None
                while left:
                    logged: dict[str, Any] = json.loads(process.stderr.readline())
                    if logged["event"] == "run.finished" and logged["outcome"] == "succeeded":
                        left.discard(logged["job"])
                process.terminate()
                process.communicate(timeout=60)
            finally:
                process.kill()

    def _record_memory(self, pid: int) -> None:
        found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
        self.peak_megabytes = max(self.peak_megabytes, int(found[1]) // 1024 if found else 0)


@pytest.mark.parametrize(
    "seconds",
    [4, pytest.param(MINUTES * 60, marks=[pytest.mark.soak, pytest.mark.timeout(MINUTES * 60 + 300)])],
)
def test_a_daemon_among_faults_kills_and_changes_ends_with_the_right_tables(
    install: Install, seconds: float, capsys: pytest.CaptureFixture[str]
) -> None:
    installation = install(projects=3, most_per_page=10)
    installation.config = {
        "server": {"port": 0},
        "data_dir": str(installation.folder / "data"),
        "jobs": {name: {"kind": "sync", "streams": names, "schedule": "every 1s"} for name, names in JOBS.items()},
    }
    soak, edits = Soak(installation, seed=4), BackgroundEdits(installation.simulator, seed=4, restores=True)

    with edits.running():
        ends = MACHINE.monotonic() + seconds
        while MACHINE.monotonic() < ends:
            soak.run_daemon(min(LONGEST_RUN_SECONDS, seconds / 2))
    soak.last()
    # Many deletes at once wait for a second sweep, and children of deleted records for one more.
    left = [incomplete(installation.run(*STREAMS, full_refresh=True)) for _ in range(3)]

    outcomes = dict(installation.query("SELECT outcome, count(*) FROM _runs GROUP BY outcome"))
    ticks = installation.query(
        "SELECT count(*), count(DISTINCT job || scheduled_at) FROM _runs WHERE scheduled_at NOTNULL"
    )
    with capsys.disabled():
        print(
            f"\n{seconds:g} s: {dict(soak.counts)}, {edits.done.total()} changes, runs {outcomes}, "
            f"at most {soak.peak_megabytes} MB"
        )
    assert left == [[]] * 3
    assert installation.query("SELECT count(*) FROM _runs WHERE outcome IS NULL AND started_at NOTNULL") == [(0,)]
    assert differences(installation.simulator, installation.database, streams=STREAMS, deletes=True) == []
    assert len(set(ticks[0])) == 1
    assert outcomes["succeeded"] >= 2
