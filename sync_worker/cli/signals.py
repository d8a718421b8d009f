"""Handles SIGTERM, SIGINT and SIGHUP: the first asks to stop, a deadline follows, the second ends the process.

SIGHUP comes when a terminal closes; under nohup it is ignored and stays so. Every command imports this module, so it
imports nothing slow.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

STOPPED = 75
DEADLINE_SECONDS = 25.0
_IS_UNDER_NOHUP = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
_HANDLED = (signal.SIGTERM, signal.SIGINT, *(() if _IS_UNDER_NOHUP else (signal.SIGHUP,)))


class StoppedAtOnce(BaseException):
    """A signal came before the command had begun to work.

    Not an `Exception`: a library may catch any of those while it is imported.
    """


def let_signals_through() -> None:
    """Deliver the signals that `__main__` has blocked since the process began, and those to come."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _HANDLED)


@contextmanager
def stopped_at_once() -> Iterator[None]:
    """Raise `StoppedAtOnce` at the first signal, wherever the block is; for a block that holds nothing yet."""

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        _handle(_go_at_once)
        raise StoppedAtOnce

    with _handled(on_signal):
        yield


def _leave() -> None:
    print("stopped: at the deadline; what is committed stays, the same command goes on", file=sys.stderr, flush=True)
    os._exit(STOPPED)


@contextmanager
def stop_on_signals(deadline_seconds: float = DEADLINE_SECONDS) -> Iterator[threading.Event]:
    """Yield an event that the first signal sets.

    The process ends at the latest `deadline_seconds` later, with exit code 75: what is committed stays, and nothing is
    half-written. A second signal ends it at once, with 128 plus the number of the signal.
    """
    stop = threading.Event()
    deadline = threading.Timer(deadline_seconds, _leave)
    deadline.daemon = True

    def on_signal(number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            _go_at_once(number, _frame)
        stop.set()
        deadline.start()

    try:
        with _handled(on_signal):
            yield stop
    finally:
        deadline.cancel()


def _go_at_once(number: int, _frame: FrameType | None) -> None:
    os._exit(128 + number)


def _handle(handler: Callable[[int, FrameType | None], None]) -> dict[signal.Signals, Any]:
    return {number: signal.signal(number, handler) for number in _HANDLED}


@contextmanager
def _handled(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    before = _handle(handler)
    try:
        let_signals_through()
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)
