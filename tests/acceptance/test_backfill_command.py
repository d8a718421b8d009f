"""`sync-worker backfill` as a process."""

from __future__ import annotations

import json
from datetime import date

import pytest

from support.oracle import differences
from support.worker import Install, Installation
from sync_worker.model import DateRange
from sync_worker.planning.windows import months
from sync_worker.simulator.faults import Fault

STREAMS = "manpower_logs,rfis"
BACKFILL = ("backfill", "--since", "2024-01-01", "--until", "2026-12-31", "--streams", STREAMS, "--json", "--yes")


def finished(here: Installation) -> set[tuple[int, str]]:
    """The months of the daily log that are done, by project."""
    parts = here.query("SELECT project_id, part FROM _backfill_parts WHERE stream = 'manpower_logs'")
    return {(project, part) for project, part in parts}


def asked(here: Installation) -> list[tuple[int, str]]:
    """The months of the daily log that were asked for, by project."""
    return [
        (int(it.path.split("/")[4]), f"{it.query['start_date']}/{it.query['end_date']}")
        for it in here.asked("manpower_logs")
        if it.page == 1
    ]


def test_a_killed_backfill_reads_no_finished_month_again(install: Install) -> None:
    here = install(scale=0.3)
    here.simulator.faults.add(Fault(path="*/manpower_logs[?]*", delay_seconds=0.02, times=1_000_000))
    with here.start(*BACKFILL, "-v") as process:
        assert process.stderr is not None
        pages = (line for line in process.stderr if json.loads(line)["event"] == "page.fetched")
        for _ in range(50):
            next(pages)
        process.kill()
        process.communicate()
    done = finished(here)
    here.simulator.faults.clear()
    here.simulator.requests.clear()

    answer = here.command(*BACKFILL)

    assert answer.returncode == 0
    found = json.loads(answer.stdout)
    assert list(found) == ["run_id", "outcome", "seconds", "requests", "rows", "streams"]
    again = asked(here)
    every = {
        (project, f"{days.start_on}/{days.end_on}")
        for project in {line["project_id"] for line in found["streams"]} - {None}
        for days in months(DateRange(date(2024, 1, 1), date(2026, 12, 31)))
    }
    assert done
    assert done.isdisjoint(again)
    assert len(again) == len(set(again))
    assert done | set(again) == every
    assert differences(here.simulator, here.database, streams=STREAMS.split(",")) == []
    assert here.query("SELECT count(*) FROM _checkpoints") == [(0,)]
    assert finished(here) == set()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--since", "2026-02-01", "--until", "2026-01-01"), "--since 2026-02-01 is after --until 2026-01-01"),
        (("--since", "2999-01-01"), "--since 2999-01-01 is after today"),
        (("--since", "yesterday"), "--since"),
        ((), "--since"),
    ],
)
def test_a_period_without_days_is_a_usage_error(install: Install, arguments: tuple[str, ...], said: str) -> None:
    answer = install().command("backfill", *arguments)

    assert answer.returncode == 2
    assert said in answer.stderr
    assert "Traceback" not in answer.stderr
