"""The only place that reads the time or waits; everything else is handed a `Clock`."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Protocol

OFFSET_VARIABLE = "SYNC_WORKER_CLOCK_OFFSET"
_LARGEST_OFFSET = 1e9
"""Some 31 years: dates that far from now still leave room for windows before and after them."""


class Clock(Protocol):
    """What the program knows of time."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds from an arbitrary start that never step back."""
        ...

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait until `event` is set or `seconds` have passed; true when it was set."""
        ...


class SystemClock:
    """The machine's clock, or one that shows another time and runs as fast."""

    def __init__(self, offset: timedelta = timedelta(0)) -> None:
        self._offset = offset

    def now(self) -> datetime:
        return datetime.now(UTC) + self._offset

    def monotonic(self) -> float:
        return time.monotonic()

    def wait(self, event: threading.Event, seconds: float) -> bool:
        return event.wait(max(0.0, seconds))


def process_clock(environ: Mapping[str, str]) -> Clock:
    """Return the clock of this process: the machine's, or as far away from it as the environment says.

    Raises `ValueError` where what the environment says is no number of seconds.
    """
    text = environ.get(OFFSET_VARIABLE, "")
    try:
        seconds = float(text or 0)
    except ValueError:
        seconds = _LARGEST_OFFSET + 1
    # Written so that "nan" is refused too.
    if not abs(seconds) <= _LARGEST_OFFSET:
        raise ValueError(f"{OFFSET_VARIABLE} is {text!r}; set a number of seconds, such as -86400, or unset it")
    return SystemClock(timedelta(seconds=seconds))


def offset_of(clock: Clock) -> float:
    """Return how many seconds `clock` is ahead of the machine's: what to put into the environment of a process."""
    return (clock.now() - datetime.now(UTC)).total_seconds()
