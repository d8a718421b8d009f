"""Hands a run to the daemon that holds the database, through the ledger, and follows it there to its end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime

from sync_worker.clock import Clock
from sync_worker.database import admit
from sync_worker.destination.protocol import Destination
from sync_worker.destination.sqlite import SqliteDestination
from sync_worker.errors import ConfigurationError, StopRequested, SyncWorkerError
from sync_worker.logs import Event, bound, get_logger
from sync_worker.model import RunRequest
from sync_worker.planning.selection import select
from sync_worker.progress import NullProgress, Progress
from sync_worker.runner.worker import FinishedRun, finished_run
from sync_worker.settings import Settings
from sync_worker.settings.own_streams import catalog_with
from sync_worker.state.allowance import read_allowance
from sync_worker.state.following import FinishedScope, RunSoFar, run_so_far, scopes_finished
from sync_worker.state.queue import enqueue_run, new_run_id

DAEMON = "the daemon, "
"""The role in the holder's text of a process that takes the runs that wait in the ledger."""
_POLL_SECONDS = 0.2
# Each look takes the lock for a moment, in which a daemon that starts would find it taken.
_DOUBT_SECONDS = 10.0

log = get_logger()


def run_by_daemon(
    settings: Settings, request: RunRequest, *, stop: threading.Event, clock: Clock, progress: Progress | None = None
) -> FinishedRun:
    """Have the daemon that holds the database run a request, and return the finished run; raises as `hand_over` does.

    Raises `ConfigurationError` too where the daemon's own configuration kept it from running.
    """
    select(request.streams or (), catalog_with(settings.streams))
    destination = SqliteDestination(settings.destination.path)
    with destination.reader() as view:
        admit(settings, view)
    trigger = "backfill" if request.is_backfill else request.trigger
    queued = request._replace(run_id=new_run_id(clock.now()), trigger=trigger)
    hand_over(queued, destination, is_held=destination.is_held, clock=clock, stop=stop, progress=progress)
    ended = finished_run(destination, queued.run_id)
    if isinstance(ended.failure, ConfigurationError):
        raise ended.failure
    return ended


def hand_over(
    run: RunRequest,
    ledger: Destination,
    *,
    is_held: Callable[[], bool],
    clock: Clock,
    stop: threading.Event,
    progress: Progress | None = None,
) -> None:
    """Let `run` wait for the daemon, report its progress, and return when it has ended.

    Raises `StopRequested` when asked to stop, which stops the following and not the run, and `SyncWorkerError` when
    nobody holds the database any more.
    """
    with ledger.short_write() as transaction:
        enqueue_run(transaction, run)
    followed = RunFollower(run.run_id, ledger, clock, progress or NullProgress())
    asked_at = clock.monotonic()
    with bound(run_id=run.run_id, job=run.job):
        log.info(Event.RUN_HANDED_OVER)
        while not followed.has_ended():
            if clock.monotonic() - asked_at > _DOUBT_SECONDS:
                asked_at = clock.monotonic()
                if not is_held():
                    raise SyncWorkerError(f"the daemon has ended; its next start goes on with run {run.run_id}")
            if clock.wait(stop, _POLL_SECONDS):
                raise StopRequested(f"no longer following run {run.run_id}; the daemon goes on with it")


class RunFollower:
    """A run as the ledger shows it; what is new there is reported as if this process ran it."""

    def __init__(self, run_id: str, ledger: Destination, clock: Clock, progress: Progress) -> None:
        self._run_id = run_id
        self._ledger = ledger
        self._clock = clock
        self._progress = progress
        self._so_far = RunSoFar(None, None, None, None, 0)
        self._reported: set[FinishedScope] = set()
        self._reported_until: datetime | None = None
        self._waits_until: datetime | None = None

    def has_ended(self) -> bool:
        """Read the ledger again and report what is new."""
        with self._ledger.reader() as view:
            now = run_so_far(view, self._run_id)
            finished = scopes_finished(view, self._run_id, self._reported_until)
            waits_until = read_allowance(view).waits_until(self._clock.now())
        before, self._so_far = self._so_far, now
        if now.started_at and not before.started_at:
            log.info(Event.RUN_STARTED)
        if now.partitions is not None and before.partitions is None:
            self._progress.planned(now.partitions)
        if waits_until is not None and waits_until != self._waits_until and now.started_at:
            self._waits_until = waits_until
            self._progress.waiting((waits_until - self._clock.now()).total_seconds())
        # A list that moved is read once more, and its rows are counted again.
        self._progress.page_taken(max(0, now.rows_seen - before.rows_seen))
        if now.partitions is not None or now.outcome is not None:
            self._report(finished)
        if now.outcome is not None:
            log.info(Event.RUN_FINISHED, outcome=now.outcome, error=now.error)
        return now.outcome is not None

    def _report(self, finished: list[FinishedScope]) -> None:
        for scope in finished:
            if scope not in self._reported:
                self._progress.finished(scope.stream)
                log.info(Event.SCOPE_FINISHED, **_as_logged(scope))
        if finished:
            # Instants are whole seconds: what ended in the last one may not all be there yet.
            self._reported_until = finished[-1].finished_at
            self._reported = {scope for scope in finished if scope.finished_at == self._reported_until}


def _as_logged(scope: FinishedScope) -> dict[str, str | int | None]:
    return {name: value for name, value in scope._asdict().items() if name != "finished_at"}
