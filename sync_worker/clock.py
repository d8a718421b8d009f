"""The time: the only module that reads it or waits; all other code is given a `Clock`."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Protocol

OFFSET_VARIABLE = "SYNC_WORKER_CLOCK_OFFSET"
_LARGEST_OFFSET = 1e9
"""About 31 years in seconds, so that windows around a shifted date stay within the calendar."""


class Clock(Protocol):
    """Source of the time, and of waits."""

    def now(self) -> datetime:
        """Return the present instant, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds from an arbitrary start that never step back."""
        ...

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait until `event` is set or `seconds` have passed; return True if it was set."""
        ...


class SystemClock:
    """The machine's clock, shifted by `offset`."""

    def __init__(self, offset: timedelta = timedelta(0)) -> None:
        self._offset = offset

    def now(self) -> datetime:
        return datetime.now(UTC) + self._offset

    def monotonic(self) -> float:
        return time.monotonic()

    def wait(self, event: threading.Event, seconds: float) -> bool:
        return event.wait(max(0.0, seconds))


def utc_text(instant: datetime) -> str:
    """Return an instant as `2024-05-01T06:00:00Z`: ISO 8601 in UTC, whole seconds, so that text sorts like time."""
    # glibc's strftime does not pad the year to four digits.
    return f"{instant.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='seconds')}Z"


def process_clock(environ: Mapping[str, str]) -> Clock:
    """Return the machine's clock, shifted by the seconds in the environment variable `SYNC_WORKER_CLOCK_OFFSET`.

    Raises `ValueError` if the variable is not a number of seconds.
    """
    text = environ.get(OFFSET_VARIABLE, "")
    try:
        seconds = float(text or 0)
    except ValueError:
        seconds = _LARGEST_OFFSET + 1
    # Written so that it is false for "nan" too.
    if not abs(seconds) <= _LARGEST_OFFSET:
        raise ValueError(f"{OFFSET_VARIABLE} is {text!r}; set a number of seconds, such as -86400, or unset it")
    return SystemClock(timedelta(seconds=seconds))


def offset_of(clock: Clock) -> float:
    """Return the seconds by which `clock` is ahead of the machine's, for the environment of another process."""
    return (clock.now() - datetime.now(UTC)).total_seconds()
