from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from support.ledgers import sqlite_ledger
from sync_worker.destination.sqlite import SqliteDestination
from sync_worker.errors import AllowanceSpent, LockHeldError
from sync_worker.model import Outcome, RunRequest
from sync_worker.state.executor import View
from sync_worker.state.ledger import RunRow, close_run, open_run
from sync_worker.state.queue import (
    enqueue_run,
    enqueue_tick,
    last_tick,
    queued_runs,
    resume_interrupted,
    run_progress,
)

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MANUAL = RunRequest("rfis", ["rfis", "tag:x"], [7], full_refresh=True, run_id="by-hand")


@pytest.fixture
def destination(tmp_path: Path) -> Iterator[SqliteDestination]:
    with sqlite_ledger(tmp_path) as opened:
        yield opened


def end(transaction: View, run_id: str, outcome: Outcome, trigger: str = "schedule", job: str = "field") -> None:
    """Write a run that was begun and has ended."""
    open_run(transaction, RunRow(run_id, job, trigger, NOON))
    close_run(transaction, run_id, outcome, finished_at=NOON, error=None)


def test_a_run_that_ended_with_the_allowance_was_to_end_there(transaction: View) -> None:
    waits_not = MANUAL._replace(wait_for_rate_limit=False)
    enqueue_run(transaction, waits_not)
    assert queued_runs(transaction) == [waits_not]
    open_run(transaction, RunRow("by-hand", "rfis", "manual", NOON))
    spent = AllowanceSpent("spent")
    close_run(transaction, "by-hand", Outcome.INTERRUPTED, finished_at=NOON, error=str(spent), failure=spent)
    resume_interrupted(transaction, NOON)
    assert queued_runs(transaction) == []


def test_a_tick_waits_once_however_often_it_is_counted(transaction: View) -> None:
    first = enqueue_tick(transaction, "field", NOON, trigger="schedule", now=NOON)
    again = enqueue_tick(transaction, "field", NOON, trigger="catch_up", now=NOON + timedelta(hours=1))
    other = enqueue_tick(transaction, "documents", NOON, trigger="schedule", now=NOON)

    assert (first, again, other) == (True, False, True)
    assert [(run.job, run.trigger, run.scheduled_at, run.streams) for run in queued_runs(transaction)] == [
        ("field", "schedule", NOON, None),
        ("documents", "schedule", NOON, None),
    ]


def test_a_waiting_run_keeps_what_it_was_asked_for(transaction: View) -> None:
    enqueue_run(transaction, MANUAL)

    assert queued_runs(transaction) == [MANUAL]
    assert run_progress(transaction, "by-hand") == (False, False)


def test_a_run_that_began_waits_no_longer(transaction: View) -> None:
    enqueue_run(transaction, MANUAL)
    open_run(transaction, RunRow("by-hand", "rfis", "manual", NOON))

    assert queued_runs(transaction) == []
    assert run_progress(transaction, "by-hand") == (True, False)
    close_run(transaction, "by-hand", Outcome.SUCCEEDED, finished_at=NOON, error=None)
    assert run_progress(transaction, "by-hand") == (True, True)


def test_the_last_tick_is_not_one_of_a_clock_that_was_wrong(transaction: View) -> None:
    assert last_tick(transaction, "field", NOON) is None
    for hours in (-2, -1, 24 * 365):
        enqueue_tick(transaction, "field", NOON + timedelta(hours=hours), trigger="schedule", now=NOON)

    assert last_tick(transaction, "field", NOON) == NOON - timedelta(hours=1)


def test_a_run_cut_short_is_gone_on_with_once(transaction: View) -> None:
    end(transaction, "r1", Outcome.INTERRUPTED)
    enqueue_run(transaction, MANUAL)
    end(transaction, "by-hand", Outcome.INTERRUPTED, job="rfis")

    resume_interrupted(transaction, NOON)
    resume_interrupted(transaction, NOON)

    assert [(run.job, run.trigger, run.streams) for run in queued_runs(transaction)] == [
        ("field", "catch_up", None),
        ("rfis", "manual", MANUAL.streams),
    ]


def test_what_was_gone_on_with_or_stopped_by_hand_is_left_alone(transaction: View) -> None:
    end(transaction, "r1", Outcome.INTERRUPTED)
    end(transaction, "r2", Outcome.SUCCEEDED)
    end(transaction, "r3", Outcome.INTERRUPTED, trigger="manual", job="documents")

    resume_interrupted(transaction, NOON)

    assert queued_runs(transaction) == []


def test_another_process_may_queue_beside_who_holds_the_database(destination: SqliteDestination) -> None:
    (path,) = {Path(row[2]) for row in _databases(destination)}
    other = SqliteDestination(path)
    with pytest.raises(LockHeldError) as held:
        other.open(holder="somebody else")
    with other.short_write() as transaction:
        enqueue_run(transaction, MANUAL)

    assert held.value.holder == "a test"
    assert other.is_held()
    with destination.reader() as view:
        assert queued_runs(view) == [MANUAL]


def test_a_database_that_was_given_back_is_not_held(tmp_path: Path) -> None:
    destination = SqliteDestination(tmp_path / "procore.db")
    assert not destination.is_held()
    destination.open(holder="me")
    destination.close()
    assert not destination.is_held()


def _databases(destination: SqliteDestination) -> list[tuple[str, ...]]:
    with destination.reader() as view:
        rows = view.execute("PRAGMA database_list")
    return [tuple(map(str, row)) for row in rows if row[1] == "main"]
