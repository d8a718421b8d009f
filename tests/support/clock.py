"""Clocks that tests move. Waiting moves them too, so that an hour passes at once."""

from __future__ import annotations

import os
import threading
from datetime import UTC, datetime, timedelta

from sync_worker.clock import OFFSET_VARIABLE, Clock, SystemClock, offset_of

MACHINE: Clock = SystemClock()
"""The machine's clock, for tests that measure real time; the date comes from their world."""


class ManualClock:
    """A clock that moves only by waiting or `advance`; `waits` has the seconds of every wait."""

    def __init__(self, start: datetime = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)) -> None:
        self._start = start
        self._passed = 0.0
        self._lock = threading.Lock()
        self.waits: list[float] = []

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._passed)

    def monotonic(self) -> float:
        return self._passed

    def wait(self, event: threading.Event, seconds: float) -> bool:
        if event.is_set():
            return True
        with self._lock:
            self.waits.append(seconds)
        self.advance(seconds)
        return event.is_set()

    def advance(self, seconds: float) -> None:
        with self._lock:
            self._passed += max(0.0, seconds)


class WorkerClock(ManualClock):
    """The clock of a worker at the time of its Procore: it follows `world` and adds what the worker has waited.

    `ahead` is its error.
    """

    def __init__(self, world: Clock, ahead: timedelta = timedelta(0)) -> None:
        super().__init__(world.now() + ahead)
        self._world = world
        self._began = world.monotonic()
        self._ahead = ahead

    def now(self) -> datetime:
        return self._world.now() + self._ahead + timedelta(seconds=self._passed)

    def monotonic(self) -> float:
        # Finer than an instant, which has microseconds: shorter waits must pass too.
        return self._world.monotonic() - self._began + self._passed


def environ_at(clock: Clock) -> dict[str, str]:
    """Return the environment of a process that starts now and uses the time of `clock`."""
    return os.environ | {OFFSET_VARIABLE: str(offset_of(clock))}
