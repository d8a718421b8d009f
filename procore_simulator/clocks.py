"""The simulated clock: it starts at a given instant and may run faster than the machine's."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

from sync_worker.clock import Clock, SystemClock

FIRST_INSTANT = datetime(2026, 11, 20, 15, tzinfo=UTC)
"""The default first instant of a world: a Friday morning in Chicago."""


class SteppedClock:
    """A clock that starts at `start`, runs at `rate` and can be put forward."""

    def __init__(self, start: datetime = FIRST_INSTANT, *, rate: float = 1.0, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._start = start
        self._rate = rate
        self._begun = self._clock.monotonic()
        self._ahead = timedelta(0)

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self.monotonic()) + self._ahead

    def monotonic(self) -> float:
        """Return simulated seconds since the start, without steps by `advance`."""
        return (self._clock.monotonic() - self._begun) * self._rate

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait `seconds` of simulated time, or until the event is set."""
        return self._clock.wait(event, seconds / self._rate)

    def advance(self, seconds: float) -> None:
        self._ahead += timedelta(seconds=seconds)
