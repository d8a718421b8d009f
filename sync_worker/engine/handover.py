"""Hands a run to the daemon that holds the database, through the ledger, and follows it there to its end."""

from __future__ import annotations

import threading
from collections.abc import Callable

from sync_worker.clock import Clock
from sync_worker.engine.local import Ledger
from sync_worker.errors import StopRequested, SyncWorkerError
from sync_worker.state.queue import QueuedRun, enqueue_run, run_progress

_POLL_SECONDS = 0.2
_DOUBT_SECONDS = 10.0


def hand_over(
    run: QueuedRun, ledger: Ledger, *, is_held: Callable[[], bool], clock: Clock, stop: threading.Event
) -> None:
    """Let `run` wait for the daemon and return when it has ended.

    Raises `StopRequested` when asked to stop, which stops the following and not the run, and `SyncWorkerError` when
    nobody holds the database any more.
    """
    with ledger.aside() as transaction:
        enqueue_run(transaction, run)
    asked_at = clock.monotonic()
    while not _has_ended(ledger, run.run_id):
        if clock.monotonic() - asked_at > _DOUBT_SECONDS:
            asked_at = clock.monotonic()
            if not is_held():
                raise SyncWorkerError(f"the daemon has ended; its next start goes on with run {run.run_id}")
        if clock.wait(stop, _POLL_SECONDS):
            raise StopRequested(f"no longer following run {run.run_id}; the daemon goes on with it")


def _has_ended(ledger: Ledger, run_id: str) -> bool:
    with ledger.reader() as view:
        return run_progress(view, run_id)[1]
