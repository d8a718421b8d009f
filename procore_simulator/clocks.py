"""Clocks of the simulated Procore: one that starts at a given instant and may run faster than the machine's."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

from sync_worker.clock import Clock, SystemClock

FIRST_INSTANT = datetime(2026, 11, 20, 15, tzinfo=UTC)
"""Where a world begins when nobody says otherwise: a Friday morning in Chicago."""


class SteppedClock:
    """A clock that starts at `start`, runs at `rate` and can be put forward."""

    def __init__(self, start: datetime = FIRST_INSTANT, *, rate: float = 1.0, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._start = start
        self._rate = rate
        self._begun = self._clock.monotonic()
        self._ahead = timedelta(0)

    def now(self) -> datetime:
        """The simulated instant."""
        return self._start + timedelta(seconds=self.monotonic()) + self._ahead

    def monotonic(self) -> float:
        """Simulated seconds since the start, steps left out."""
        return (self._clock.monotonic() - self._begun) * self._rate

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait that long in simulated seconds."""
        return self._clock.wait(event, seconds / self._rate)

    def advance(self, seconds: float) -> None:
        """Put the clock forward."""
        self._ahead += timedelta(seconds=seconds)
