"""The daemon's loop: writes each tick into the ledger as a waiting run, and hands waiting runs to the engine.

Each pass compares the ledger with the clock and never trusts a timer, so that a machine that slept, a clock that was
changed and a daemon that was down are one case.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from sync_worker.clock import Clock
from sync_worker.destination.protocol import Destination
from sync_worker.errors import DestinationError
from sync_worker.logs import Event, get_logger
from sync_worker.model import Outcome, RunRequest
from sync_worker.scheduler.schedules import Schedule, last_until
from sync_worker.state.ledger import close_run
from sync_worker.state.queue import enqueue_tick, last_tick, queued_runs, resume_interrupted

POLL_SECONDS = 0.5
_REST_SECONDS = 5.0
# A tick that is seen so much later was missed: the daemon was down, or the machine slept.
_LATE = timedelta(minutes=1)
_OWN_TRIGGERS = frozenset({"schedule", "catch_up"})

log = get_logger()


class Planned(NamedTuple):
    """A job of the daemon and its schedule; without one it runs only on request."""

    request: RunRequest
    schedule: Schedule | None = None


class Engine(Protocol):
    """Executes runs."""

    def running(self) -> Mapping[str, str]:
        """Return the ids of the runs under way, by job."""
        ...

    def start(self, run: RunRequest) -> None:
        """Start a run of a job that has none under way; must not block."""
        ...


class Loop:
    """Counts ticks and hands out runs until it is stopped."""

    def __init__(
        self,
        jobs: Mapping[str, Planned],
        engine: Engine,
        ledger: Destination,
        *,
        clock: Clock,
        stop: threading.Event,
        beat: Callable[[], None] = lambda: None,
        openings: Callable[[], int] = lambda: 1,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        self._jobs = jobs
        self._engine = engine
        self._ledger = ledger
        self._clock = clock
        self._stop = stop
        self._beat = beat
        self._openings = openings
        self._begun_with = 0
        self._poll_seconds = poll_seconds
        self._watches: Sequence[_Watch] = ()
        self.is_ready = False

    def run(self) -> None:
        """Loop until stopped; a failure of the ledger is retried."""
        while not self._stop.is_set():
            openings = self._openings()
            try:
                if openings != self._begun_with:
                    # Another ledger may lack the last ticks, and a run that was under way was cut short.
                    self._begin()
                    self._begun_with = openings
                self._pass()
                self.is_ready = True
            except DestinationError as refusal:
                self.is_ready = False
                log.warning(Event.LEDGER_REFUSED, error=str(refusal))
            self._beat()
            if self._openings() == openings:
                self._clock.wait(self._stop, self._until_next() if self.is_ready else _REST_SECONDS)

    def _begin(self) -> None:
        now = self._clock.now()
        with self._ledger.reader() as view:
            watches = [
                _Watch(name, planned.schedule, last_tick(view, name, now) or now)
                for name, planned in self._jobs.items()
                if planned.schedule is not None
            ]
        # Before interrupted runs are resumed, so that a job with missed ticks too gets one run.
        self._count(watches, now)
        with self._ledger.short_write() as transaction:
            resume_interrupted(transaction, now)
        self._watches = watches

    def _pass(self) -> None:
        self._count(self._watches, self._clock.now())
        with self._ledger.reader() as view:
            waiting = queued_runs(view)
        for run in waiting:
            self._hand_out(run)

    def _count(self, watches: Sequence[_Watch], now: datetime) -> None:
        """Write the ticks that are due; several of one job become one run."""
        for watch in watches:
            due = watch.due(now)
            if due is not None:
                trigger = "catch_up" if due.is_late else "schedule"
                with self._ledger.short_write() as transaction:
                    is_new = enqueue_tick(transaction, watch.job, due.scheduled_at, trigger=trigger, now=now)
                if is_new:
                    log.info(Event.TICK_RECORDED, job=watch.job, scheduled_at=due.scheduled_at, trigger=trigger)
            # Not before it is written: if the ledger refuses, the tick is still due in the next pass.
            watch.seen(now)

    def _hand_out(self, run: RunRequest) -> None:
        running = self._engine.running().get(run.job)
        if running == run.run_id or self._stop.is_set():
            return
        planned = self._jobs.get(run.job)
        if run.streams is None and planned is None:
            self._skip(run, "no job of this name is configured any more")
        elif running is None:
            if run.streams is None and planned is not None:
                run = run._replace(streams=planned.request.streams, projects=planned.request.projects)
            self._engine.start(run)
        # What a person asked for waits for its turn; the next tick reads what this one would have read.
        elif run.trigger in _OWN_TRIGGERS:
            self._skip(run, f"the run before, {running}, was still under way")

    def _skip(self, run: RunRequest, reason: str) -> None:
        with self._ledger.short_write() as transaction:
            close_run(transaction, run.run_id, Outcome.SKIPPED, finished_at=self._clock.now(), error=reason)
        log.warning(Event.RUN_SKIPPED, run_id=run.run_id, job=run.job, error=reason)

    def _until_next(self) -> float:
        now = self._clock.now()
        ahead = [(watch.next_at - now).total_seconds() for watch in self._watches]
        return max(0.0, min([self._poll_seconds, *ahead]))


class _Due(NamedTuple):
    scheduled_at: datetime
    is_late: bool


class _Watch:
    """The ticks of one job: those up to `seen_at` are in the ledger, the next is due at `next_at`."""

    def __init__(self, job: str, schedule: Schedule, seen_at: datetime) -> None:
        self.job = job
        self._schedule = schedule
        self._seen_at = seen_at
        self.next_at = schedule.next_after(seen_at)

    def due(self, now: datetime) -> _Due | None:
        """Return the last tick that is due and not in the ledger, if any."""
        if now < self.next_at:
            return None
        last = last_until(self._schedule, self._seen_at, now) or self.next_at
        return _Due(last, last != self.next_at or now - last > _LATE)

    def seen(self, now: datetime) -> None:
        """Note that all ticks up to now are in the ledger, which ignores the ones it has after a clock was set back."""
        if now < self._seen_at or now >= self.next_at:
            self.next_at = self._schedule.next_after(now)
        self._seen_at = now
