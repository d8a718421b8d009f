"""What the ledger keeps for how long."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime, timedelta

import pytest

from support.ledgers import Ledger
from sync_worker.model import ALL_CALLS, CallLine, Outcome, RunRequest, Scope, Verdict, Window
from sync_worker.state.calls import calls_since, record_calls
from sync_worker.state.history import latest_scopes
from sync_worker.state.ledger import RunRow, ScopeKey, close_run, close_scope, open_run, open_scope
from sync_worker.state.queue import enqueue_run, last_tick, queued_runs
from sync_worker.state.retention import Retention, prune

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
KEPT = Retention(runs=timedelta(days=90), scopes=timedelta(days=14))
PROJECT = Scope(1, 101)


class Kept:
    """A ledger that is written day by day and pruned now."""

    def __init__(self, destination: Ledger) -> None:
        self.destination = destination
        self.stop = threading.Event()

    def run(self, run_id: str, days_ago: int, *streams: str, job: str = "field") -> None:
        """Write a scheduled run that ended that many days ago and read these streams of one project."""
        at = NOW - timedelta(days=days_ago)
        with self.destination.transaction() as transaction:
            open_run(transaction, RunRow(run_id, job, "schedule", at, at))
            for stream in streams:
                key = ScopeKey(run_id, stream, PROJECT)
                open_scope(transaction, key, Window(None, at), at)
                close_scope(transaction, key, Verdict.COMPLETE, total=0, requests=1, error=None, finished_at=at)
            close_run(transaction, run_id, Outcome.SUCCEEDED, finished_at=at, error=None, failure=ValueError())

    def prune(self, retention: Retention = KEPT) -> int:
        """As after a run; how many runs are gone."""
        return prune(self.destination, retention, NOW, self.stop)

    def calls(self, *days_ago: int) -> None:
        """Count a call on each of these days."""
        with self.destination.transaction() as transaction:
            days = ((NOW - timedelta(days=days)).date() for days in days_ago)
            record_calls(transaction, {CallLine(day, 1, "rfis", ALL_CALLS): 1 for day in days})

    def days_of_calls(self) -> list[int]:
        """Return how many days ago there were the calls that are kept, the oldest first."""
        with self.destination.reader() as view:
            return [(NOW.date() - line.day).days for line in calls_since(view, date(2000, 1, 1))]

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        """Return the rows that are left."""
        with self.destination.reader() as view:
            return list(view.execute(sql))


@pytest.fixture
def kept(ledger: Ledger) -> Kept:
    return Kept(ledger)


SCOPES = "SELECT run_id, stream FROM _run_scopes ORDER BY run_id, stream"
RUNS = "SELECT run_id FROM _runs ORDER BY started_at"


def test_scopes_go_after_two_weeks_and_runs_after_three_months(kept: Kept) -> None:
    kept.run("r1", 91, "rfis")
    kept.run("r2", 89, "rfis")
    kept.run("r3", 15, "rfis")
    kept.run("r4", 13, "rfis")
    kept.run("r5", 1, "rfis")

    assert kept.prune() == 1

    assert kept.rows(SCOPES) == [("r4", "rfis"), ("r5", "rfis")]
    assert kept.rows(RUNS) == [("r2",), ("r3",), ("r4",), ("r5",)]
    assert kept.rows("SELECT run_id FROM _run_details ORDER BY run_id") == kept.rows(RUNS)
    assert kept.prune() == 0


def test_the_last_verdict_of_each_scope_stays_whatever_its_age_and_its_run_too(kept: Kept) -> None:
    kept.run("r1", 200, "rfis", "submittals")
    kept.run("r2", 1, "rfis")

    kept.prune()

    assert kept.rows(SCOPES) == [("r1", "submittals"), ("r2", "rfis")]
    assert kept.rows(RUNS) == [("r1",), ("r2",)]
    with kept.destination.reader() as view:
        assert [(line.stream, line.run_id) for line in latest_scopes(view)] == [("rfis", "r2"), ("submittals", "r1")]


def test_the_last_tick_of_a_job_is_never_forgotten(kept: Kept) -> None:
    """Or a job of once a year would not be caught up with."""
    kept.run("r1", 400, job="yearly")
    kept.run("r2", 200, job="yearly")
    kept.run("r3", -300, job="yearly")  # of a clock that was wrong

    assert kept.prune() == 1

    with kept.destination.reader() as view:
        assert last_tick(view, "yearly", NOW) == NOW - timedelta(days=200)


def test_what_a_run_was_asked_for_goes_once_it_is_done(kept: Kept) -> None:
    with kept.destination.transaction() as transaction:
        for name in ("done", "cut", "waits"):
            enqueue_run(transaction, RunRequest("rfis", ["rfis"], run_id=name))
        for name, outcome in (("done", Outcome.SUCCEEDED), ("cut", Outcome.INTERRUPTED)):
            open_run(transaction, RunRow(name, "rfis", "manual", NOW))
            close_run(transaction, name, outcome, finished_at=NOW, error=None)

    kept.prune()

    assert kept.rows("SELECT run_id FROM _run_details WHERE request IS NOT NULL ORDER BY run_id") == [
        ("cut",),
        ("waits",),
    ]
    with kept.destination.reader() as view:
        assert [run.run_id for run in queued_runs(view)] == ["waits"]


def test_nothing_is_pruned_by_who_is_asked_to_stop(kept: Kept) -> None:
    kept.run("r1", 100, "rfis")
    kept.run("r2", 1, "rfis")
    kept.stop.set()

    assert kept.prune() == 0
    assert kept.rows(SCOPES) == [("r1", "rfis"), ("r2", "rfis")]


@pytest.mark.parametrize(("scopes", "kept_days"), [(1, [15, 14]), (14, [15, 14]), (30, [30, 16, 15, 14])])
def test_calls_are_kept_as_long_as_scopes_but_at_least_15_days(kept: Kept, scopes: int, kept_days: list[int]) -> None:
    kept.calls(31, 30, 16, 15, 14)

    kept.prune(Retention(runs=timedelta(days=90), scopes=timedelta(days=scopes)))

    assert kept.days_of_calls() == kept_days


def test_the_history_of_fields_is_kept(kept: Kept) -> None:
    kept.run("r1", 1000, "rfis")
    kept.run("r2", 1, "rfis")
    with kept.destination.transaction() as transaction:
        columns = ("stream", "company_id", "project_id", "record_key", "field", "seen_at", "run_id")
        transaction.insert("_field_history", columns, [("rfis", 1, 101, "7", "status", "2023-09-01T00:00:00Z", "r1")])

    assert kept.prune() == 1

    assert kept.rows("SELECT run_id FROM _field_history") == [("r1",)]
