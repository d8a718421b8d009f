"""What SIGTERM and SIGINT do: ask first, insist after a deadline, and at the second signal go at once."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

STOPPED = 75
DEADLINE_SECONDS = 25.0


def _leave() -> None:
    print("stopped: at the deadline; what is committed stays, the same command goes on", file=sys.stderr, flush=True)
    os._exit(STOPPED)


@contextmanager
def stop_on_signals(deadline_seconds: float = DEADLINE_SECONDS) -> Iterator[threading.Event]:
    """An event that the first signal sets.

    Whatever happens then, the process is gone after `deadline_seconds` with exit code 75: what is committed stays, the
    rest was never half-written. A second signal leaves at once with 128 and the signal's number.
    """
    stop = threading.Event()
    deadline = threading.Timer(deadline_seconds, _leave)
    deadline.daemon = True

    def on_signal(number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            os._exit(128 + number)
        stop.set()
        deadline.start()

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        deadline.cancel()
        for number, handler in before.items():
            signal.signal(number, handler)
