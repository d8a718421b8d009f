from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from support.clock import ManualClock
from support.ledgers import sqlite_ledger
from sync_worker.destination.protocol import Transaction
from sync_worker.destination.sqlite import SqliteDestination
from sync_worker.engine.handoff import hand_over
from sync_worker.engine.local import LocalEngine
from sync_worker.errors import ConfigurationError, DatabaseLostError, DestinationError, StopRequested, SyncWorkerError
from sync_worker.model import Outcome, RunRequest, Scope
from sync_worker.state.leases import take_lease
from sync_worker.state.ledger import RunRow, ScopeKey, close_run, open_run
from sync_worker.state.queue import enqueue_run, queued_runs

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
RUN = RunRequest("field", ["rfis"], [], run_id="r1")


@pytest.fixture
def destination(tmp_path: Path) -> Iterator[SqliteDestination]:
    with sqlite_ledger(tmp_path) as opened:
        with opened.transaction() as transaction:
            enqueue_run(transaction, RUN)
        yield opened


def executed(destination: SqliteDestination, execute: Callable[[RunRequest], None], clock: ManualClock) -> LocalEngine:
    """Return an engine that has executed one run."""
    engine = LocalEngine(execute, destination, clock=clock, stop=threading.Event())
    engine.start(RUN)
    engine.join()
    assert engine.running() == {}
    return engine


def outcomes(destination: SqliteDestination) -> list[tuple[object, ...]]:
    with destination.reader() as view:
        return list(view.execute("SELECT outcome, error FROM _runs"))


def test_a_run_is_under_way_until_it_ends(destination: SqliteDestination) -> None:
    may_end = threading.Event()

    def execute(_run: RunRequest) -> None:
        may_end.wait()

    engine = LocalEngine(execute, destination, clock=ManualClock(), stop=threading.Event())
    engine.start(RUN)
    assert engine.running() == {"field": "r1"}
    may_end.set()
    engine.join()
    assert engine.running() == {}


def test_a_run_that_can_never_begin_has_an_outcome(destination: SqliteDestination) -> None:
    def execute(_run: RunRequest) -> None:
        raise ConfigurationError("no stream is called rfiss")

    executed(destination, execute, ManualClock())
    assert outcomes(destination) == [("failed", "no stream is called rfiss")]


def test_a_run_that_a_full_disk_kept_from_beginning_waits_on_after_a_rest(destination: SqliteDestination) -> None:
    def execute(_run: RunRequest) -> None:
        raise DestinationError("disk full")

    clock = ManualClock()
    executed(destination, execute, clock)
    with destination.reader() as view:
        assert queued_runs(view) == [RUN]
    assert clock.waits == [30.0]


class FullForTheFirstWrite:
    """A ledger on a disk that is full when it is first written to."""

    def __init__(self, destination: SqliteDestination) -> None:
        self._destination = destination
        self._is_full = True

    @contextmanager
    def short_write(self) -> Iterator[Transaction]:
        if self._is_full:
            self._is_full = False
            raise DestinationError("disk full")
        with self._destination.short_write() as transaction:
            yield transaction

    def __getattr__(self, name: str) -> Any:
        return getattr(self._destination, name)


def test_a_run_whose_outcome_could_not_be_written_gets_it_later_and_keeps_no_lease(
    destination: SqliteDestination,
) -> None:
    def execute(run: RunRequest) -> None:
        with destination.transaction() as transaction:
            open_run(transaction, RunRow(run.run_id, run.job, run.trigger, NOON))
            take_lease(transaction, ScopeKey(run.run_id, "rfis", Scope(4, 70)), {})
        raise DestinationError("disk full")

    clock = ManualClock()
    engine = LocalEngine(execute, FullForTheFirstWrite(destination), clock=clock, stop=threading.Event())
    engine.start(RUN)
    engine.join()
    assert outcomes(destination) == [("failed", "disk full")]
    assert clock.waits == [30.0, 30.0]
    with destination.reader() as view:
        assert view.execute("SELECT * FROM _leases") == []


def test_a_run_whose_database_was_lost_does_not_keep_it_from_being_opened_again(
    destination: SqliteDestination,
) -> None:
    def execute(_run: RunRequest) -> None:
        raise DatabaseLostError("procore.db was replaced")

    clock = ManualClock()
    executed(destination, execute, clock)
    assert clock.waits == []


def test_a_run_whose_outcome_could_not_be_written_has_one_when_there_is_room(destination: SqliteDestination) -> None:
    def execute(run: RunRequest) -> None:
        with destination.transaction() as transaction:
            open_run(transaction, RunRow(run.run_id, run.job, run.trigger, NOON))
        raise DestinationError("disk full")

    executed(destination, execute, ManualClock())
    assert outcomes(destination) == [("failed", "disk full")]


class ActingClock(ManualClock):
    """Does something at its third wait."""

    def __init__(self, act: Callable[[], None]) -> None:
        super().__init__()
        self._act = act

    def wait(self, event: threading.Event, seconds: float) -> bool:
        if len(self.waits) == 2:
            self._act()
        return super().wait(event, seconds)


def test_a_handed_over_run_is_followed_to_its_end(destination: SqliteDestination) -> None:
    def end() -> None:
        with destination.transaction() as transaction:
            close_run(transaction, "r2", Outcome.SUCCEEDED, finished_at=NOON, error=None)

    clock = ActingClock(end)
    hand_over(RUN._replace(run_id="r2"), destination, is_held=lambda: True, clock=clock, stop=threading.Event())
    assert len(clock.waits) == 3


def test_a_stop_ends_the_following_alone(destination: SqliteDestination) -> None:
    stop = threading.Event()
    with pytest.raises(StopRequested, match="r2"):
        hand_over(RUN._replace(run_id="r2"), destination, is_held=lambda: True, clock=ActingClock(stop.set), stop=stop)
    with destination.reader() as view:
        assert [run.run_id for run in queued_runs(view)] == ["r1", "r2"]


def test_a_daemon_that_is_gone_is_not_waited_for(destination: SqliteDestination) -> None:
    clock = ManualClock()
    with pytest.raises(SyncWorkerError, match="next start goes on with run r2"):
        hand_over(RUN._replace(run_id="r2"), destination, is_held=lambda: False, clock=clock, stop=threading.Event())
    assert 10 <= clock.monotonic() < 11
