"""The daemon's loop makes reports on their schedule, on a clock that the test moves; nothing is asked of Procore."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from support.clock import ManualClock
from support.worker import Installation, installing
from sync_worker.app import open_worker
from sync_worker.daemon import RunExecutor
from sync_worker.engine.local import LocalEngine
from sync_worker.job import load_reports, shipped_folder
from sync_worker.model import RunRequest
from sync_worker.reports.build import ReportRequest
from sync_worker.scheduler.loop import Loop, Planned
from sync_worker.scheduler.schedules import parse_schedule

JOB = load_reports(shipped_folder())["report_rfi_ageing"]
SUNDAY = datetime(2026, 11, 29, 12, tzinfo=UTC)
MONDAYS = ("2026-11-30T06:00:00Z", "2026-12-07T06:00:00Z")
EIGHT_DAYS = 8 * 86_400


class OneAfterTheOther(LocalEngine):
    """Waits for each run, so that no test depends on how fast threads are."""

    def start(self, run: RunRequest) -> None:
        super().start(run)
        self.join()


def served(here: Installation, requests: Mapping[str, ReportRequest], clock: ManualClock, seconds: float) -> None:
    """Run a daemon for that long by its clock."""
    stop = threading.Event()
    ends_at = clock.monotonic() + seconds
    with open_worker(here.settings(), stop=stop, on_new_secret=lambda _: None, clock=clock) as worker:
        execute = RunExecutor(worker, here.settings(), requests, clock)
        engine = OneAfterTheOther(execute, worker.ledger, clock=clock, stop=stop)
        planned = {
            name: Planned(RunRequest(name, ()), parse_schedule(request.job.schedule))
            for name, request in requests.items()
        }

        def beat() -> None:
            if clock.monotonic() >= ends_at:
                stop.set()

        loop = Loop(planned, engine, worker.ledger, clock=clock, stop=stop, beat=beat, poll_seconds=3600)
        loop.run()


def runs(here: Installation) -> list[tuple[Any, ...]]:
    columns = "job, trigger, scheduled_at, outcome, error"
    return here.query(f"SELECT {columns} FROM _runs WHERE job = 'report_rfi_ageing' ORDER BY rowid")


def issues(here: Installation) -> list[Path]:
    return sorted((here.folder / "data" / "reports" / "rfi_ageing").glob("*/rfi_ageing.html"))


def test_each_monday_makes_an_issue_and_a_line_in_the_ledger(tmp_path: Path) -> None:
    requests = {"report_rfi_ageing": ReportRequest("rfi_ageing", JOB, formats=["html"])}
    with installing(tmp_path) as install:
        here = install(projects=1)
        here.run("rfis")
        asked = len(here.simulator.requests)

        served(here, requests, ManualClock(SUNDAY), EIGHT_DAYS)

        assert runs(here) == [("report_rfi_ageing", "schedule", monday, "succeeded", None) for monday in MONDAYS]
        assert len(here.simulator.requests) == asked
        assert ["30 Nov 2026, 06:00 UTC" in path.read_text("utf-8") for path in issues(here)] == [True, False]


def test_a_monday_missed_is_caught_up_with_once(tmp_path: Path) -> None:
    requests = {"report_rfi_ageing": ReportRequest("rfi_ageing", JOB, formats=["html"])}
    clock = ManualClock(SUNDAY)
    with installing(tmp_path) as install:
        here = install(projects=1)
        here.run("rfis")
        served(here, requests, clock, 86_400)
        clock.advance(3 * EIGHT_DAYS)
        served(here, requests, clock, 3600)

    assert [(trigger, outcome) for _, trigger, _, outcome, _ in runs(here)] == [
        ("schedule", "succeeded"),
        ("catch_up", "succeeded"),
    ]


@pytest.mark.parametrize("cause", ["no data", "no room"])
def test_a_report_that_cannot_be_made_fails_with_its_reason_and_the_daemon_goes_on(tmp_path: Path, cause: str) -> None:
    requests = {"report_rfi_ageing": ReportRequest("rfi_ageing", JOB, formats=["html"])}
    with installing(tmp_path) as install:
        here = install(projects=1)
        if cause == "no room":
            here.run("rfis")
            (tmp_path / "data").touch()
        served(here, requests, ManualClock(SUNDAY), EIGHT_DAYS)

    told = runs(here)
    assert [(scheduled_at, outcome) for _, _, scheduled_at, outcome, _ in told] == [
        (monday, "failed") for monday in MONDAYS
    ]
    assert all({"no data": "no data yet", "no room": "cannot be written"}[cause] in error for *_, error in told)
