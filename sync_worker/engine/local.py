"""Executes runs in threads of this process, a thread a run, at most one run of a job at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

from sync_worker.clock import Clock
from sync_worker.destination.protocol import Destination
from sync_worker.errors import DatabaseLostError, DestinationError
from sync_worker.logs import Event, get_logger, redactor
from sync_worker.model import Outcome, RunRequest
from sync_worker.state.ledger import close_run
from sync_worker.state.queue import run_progress

_REST_SECONDS = 30.0

log = get_logger()


class LocalEngine:
    """Starts runs and waits for their end; `execute` does one, from its line in the ledger to its outcome there."""

    def __init__(
        self, execute: Callable[[RunRequest], None], ledger: Destination, *, clock: Clock, stop: threading.Event
    ) -> None:
        self._execute = execute
        self._ledger = ledger
        self._clock = clock
        self._stop = stop
        self._lock = threading.Lock()
        self._running: dict[str, tuple[str, threading.Thread]] = {}

    def running(self) -> Mapping[str, str]:
        """Return the ids of the runs under way, by job."""
        with self._lock:
            return {job: run_id for job, (run_id, _) in self._running.items()}

    def start(self, run: RunRequest) -> None:
        """Execute a run of a job that has none under way."""
        thread = threading.Thread(target=self._do, args=(run,), name=f"run {run.job}", daemon=True)
        with self._lock:
            self._running[run.job] = (run.run_id, thread)
        thread.start()

    def join(self) -> None:
        """Wait until no run is under way."""
        with self._lock:
            threads = [thread for _, thread in self._running.values()]
        for thread in threads:
            thread.join()

    def _do(self, run: RunRequest) -> None:
        try:
            self._execute(run)
        except DestinationError as refusal:
            log.warning(Event.RUN_POSTPONED, run_id=run.run_id, job=run.job, error=str(refusal))
            if not isinstance(refusal, DatabaseLostError):
                # The job keeps its place meanwhile: a full disk is not asked again and again. A file that was lost
                # is opened again only when no run is under way.
                self._clock.wait(self._stop, _REST_SECONDS)
            self._close(run, refusal, only_begun=True)
        except Exception as failure:
            log.error(Event.RUN_FINISHED, run_id=run.run_id, job=run.job, outcome=Outcome.FAILED, exc_info=failure)
            self._close(run, failure)
        finally:
            with self._lock:
                del self._running[run.job]

    def _close(self, run: RunRequest, failure: Exception, *, only_begun: bool = False) -> None:
        """Write that it failed; a run that never began waits on, unless it never can.

        Tried until it is written: a run without an outcome keeps its leases, and others would wait for them.
        """
        error = redactor.text(str(failure))
        while True:
            try:
                with self._ledger.short_write() as transaction:
                    has_begun, _ = run_progress(transaction, run.run_id)
                    if has_begun or not only_begun:
                        now = self._clock.now()
                        close_run(
                            transaction, run.run_id, Outcome.FAILED, finished_at=now, error=error, failure=failure
                        )
                return
            except DatabaseLostError:
                return
            except DestinationError:
                if self._clock.wait(self._stop, _REST_SECONDS):
                    return
