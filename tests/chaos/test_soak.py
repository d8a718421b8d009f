"""A daemon that lives for a while among faults, kills, stops and changes: in the end every table equals Procore."""

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

from support.churn import Churn
from support.clock import MACHINE
from support.oracle import differences
from support.spoilt import SPOILT, spoilt
from support.worker import Install, Installation, incomplete

MINUTES = float(os.environ.get("SOAK_MINUTES", "10"))
JOBS: dict[str, list[str]] = {
    "field": ["rfis", "punch_items", "submittals", "observations", "photos", "manpower_logs"],
    "financials": ["work_order_contract_line_items", "budget_view_detail_rows"],
}
STREAMS = sorted({name for names in JOBS.values() for name in names} | {"projects"})
LISTS = ("*/rfis*", "*/punch_items*", "*/images*", "*/line_items*", "*/detail_rows*")
# A token refused twice in a row stops the credential for five minutes.
KINDS = sorted(set(SPOILT) - {"a refused token"})
LONGEST_LIFE_SECONDS = 8.0


class Soak:
    """Lives of a daemon, one after the other; `told` counts what they came to."""

    def __init__(self, here: Installation, seed: int) -> None:
        self._here = here
        self._random = Random(seed)  # noqa: S311 - anything may happen
        self.told: Counter[str] = Counter()
        self.peak_megabytes = 0

    def live(self, seconds: float) -> None:
        """Let a daemon live for so long among faults, then kill or stop it."""
        random, faults = self._random, self._here.simulator.faults
        for _ in range(random.randint(0, 4)):
            kind, after, times = random.choice(KINDS), random.randint(0, 20), random.randint(1, 2)
            faults.add(spoilt(kind, path=random.choice(LISTS), after=after, times=times))
        with self._here.start("serve", "-q") as process:
            try:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(timeout=seconds)
                assert process.poll() is None, process.communicate()[1]
                self._note_memory(process.pid)
                number = random.choice([signal.SIGKILL, signal.SIGTERM])
                process.send_signal(number)
                self.told[number.name] += 1
                process.communicate(timeout=60)
                assert process.returncode == (0 if number is signal.SIGTERM else -number)
            finally:
                process.kill()

    def last(self) -> None:
        """A last daemon, when all is quiet: it goes on with what was cut short."""
        self._here.simulator.faults.clear()
        left = set(JOBS)
        with self._here.start("serve", "--json") as process:
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

    def _note_memory(self, pid: int) -> None:
        told = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
        self.peak_megabytes = max(self.peak_megabytes, int(told[1]) // 1024 if told else 0)


@pytest.mark.parametrize(
    "seconds",
    [4, pytest.param(MINUTES * 60, marks=[pytest.mark.soak, pytest.mark.timeout(MINUTES * 60 + 300)])],
)
def test_a_daemon_among_faults_kills_and_changes_ends_with_the_right_tables(
    install: Install, seconds: float, capsys: pytest.CaptureFixture[str]
) -> None:
    here = install(projects=3, most_per_page=10)
    here.config = {
        "server": {"port": 0},
        "data_dir": str(here.folder / "data"),
        "jobs": {name: {"kind": "sync", "streams": names, "schedule": "every 1s"} for name, names in JOBS.items()},
    }
    soak, churn = Soak(here, seed=4), Churn(here.simulator, seed=4, restores=True)

    with churn.going_on():
        ends = MACHINE.monotonic() + seconds
        while MACHINE.monotonic() < ends:
            soak.live(min(LONGEST_LIFE_SECONDS, seconds / 2))
    soak.last()
    # Many deletes at once wait for a second sweep, and what hung on a deleted record for one more.
    left = [incomplete(here.run(*STREAMS, full_refresh=True)) for _ in range(3)]

    outcomes = dict(here.query("SELECT outcome, count(*) FROM _runs GROUP BY outcome"))
    ticks = here.query("SELECT count(*), count(DISTINCT job || scheduled_at) FROM _runs WHERE scheduled_at NOTNULL")
    with capsys.disabled():
        print(
            f"\n{seconds:g} s: {dict(soak.told)}, {churn.done.total()} changes, runs {outcomes}, "
            f"at most {soak.peak_megabytes} MB"
        )
    assert left == [[]] * 3
    assert here.query("SELECT count(*) FROM _runs WHERE outcome IS NULL AND started_at NOTNULL") == [(0,)]
    assert differences(here.simulator, here.database, streams=STREAMS, deletes=True) == []
    assert len(set(ticks[0])) == 1
    assert outcomes["succeeded"] >= 2
