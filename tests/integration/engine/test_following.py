"""A run that another process executes is seen through the ledger as if it were here."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from support.clock import ManualClock
from support.ledgers import sqlite_ledger
from sync_worker.destination.sqlite import SqliteDestination
from sync_worker.engine.handoff import hand_over
from sync_worker.errors import AuthError, SyncWorkerError, TooLargeError, failure_of
from sync_worker.model import Outcome, RunRequest, Scope, Verdict, Window
from sync_worker.state.allowance import HOUR, StoredAllowance, StoredWindow, write_allowance
from sync_worker.state.executor import Executor
from sync_worker.state.ledger import (
    PageCounts,
    RunRow,
    ScopeKey,
    close_run,
    close_scope,
    open_run,
    open_scope,
    record_page,
    record_plan,
    run_totals,
)

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
RUN = RunRequest("rfis", ["rfis"], run_id="r1")


@pytest.fixture
def destination(tmp_path: Path) -> Iterator[SqliteDestination]:
    with sqlite_ledger(tmp_path) as opened:
        yield opened


class Heard:
    """What a listener was told, in order."""

    def __init__(self) -> None:
        self.said: list[tuple[str, object]] = []

    def planned(self, partitions: int) -> None:
        self.said.append(("planned", partitions))

    def page_taken(self, records: int) -> None:
        if records:
            self.said.append(("records", records))

    def finished(self, stream: str) -> None:
        self.said.append(("finished", stream))

    def waiting(self, seconds: float) -> None:
        self.said.append(("waiting", seconds))


class Executing(ManualClock):
    """A clock at each of whose waits the run gets on by a step, until it has ended."""

    def __init__(self, destination: SqliteDestination) -> None:
        super().__init__(NOON)
        self._destination = destination

    def wait(self, event: threading.Event, seconds: float) -> bool:
        stopped = super().wait(event, seconds)
        step = len(self.waits)
        with self._destination.transaction() as transaction:
            if step == 1:
                open_run(transaction, RunRow("r1", "rfis", "manual", NOON))
                self._read(transaction, "companies", Scope(), records=1)
            elif step == 2:
                record_plan(transaction, "r1", 2)
                self._read(transaction, "rfis", Scope(1, 101), records=30)
                spent = StoredWindow(HOUR, 3600, 600, 480, 480, 120, None, NOON + timedelta(minutes=5), NOON)
                write_allowance(transaction, StoredAllowance([spent]))
            elif step == 3:
                self._read(transaction, "rfis", Scope(1, 102), records=12, verdict=Verdict.FAILED)
            elif step == 4:
                close_run(transaction, "r1", Outcome.PARTIAL, finished_at=NOON, error="refused", failure=AuthError("x"))
        return stopped

    def _read(
        self,
        transaction: Executor,
        stream: str,
        scope: Scope,
        *,
        records: int,
        verdict: Verdict = Verdict.COMPLETE,
    ) -> None:
        key = ScopeKey("r1", stream, scope)
        at = NOON + timedelta(seconds=len(self.waits) // 2)
        open_scope(transaction, key, Window(None, NOON), NOON)
        record_page(transaction, key, PageCounts(records, records, records, 0))
        close_scope(transaction, key, verdict, total=None, requests=1, error=None, finished_at=at)


def test_a_followed_run_is_heard_of_as_it_goes_each_scope_once(destination: SqliteDestination) -> None:
    heard = Heard()

    hand_over(
        RUN,
        destination,
        is_held=lambda: True,
        clock=Executing(destination),
        stop=threading.Event(),
        progress=heard,
    )

    assert heard.said == [
        ("records", 1),
        ("planned", 3),
        ("waiting", pytest.approx(299.6)),
        ("records", 30),
        ("finished", "companies"),
        ("finished", "rfis"),
        ("records", 12),
        ("finished", "rfis"),
    ]


def test_the_group_of_what_ended_a_run_is_kept(destination: SqliteDestination) -> None:
    hand_over(RUN, destination, is_held=lambda: True, clock=Executing(destination), stop=threading.Event())

    with destination.reader() as view:
        totals = run_totals(view, "r1")

    assert (totals.error, totals.failure) == ("refused", "AuthError")
    assert isinstance(failure_of(totals.failure, "refused"), AuthError)


@pytest.mark.parametrize(
    ("group", "expected"),
    [("TooLargeError", TooLargeError), ("KeyError", SyncWorkerError), (None, SyncWorkerError)],
)
def test_an_error_comes_back_in_its_group_and_an_unknown_one_as_any(
    group: str | None, expected: type[SyncWorkerError]
) -> None:
    error = failure_of(group, "it broke")

    assert (type(error), str(error)) == (expected, "it broke")
