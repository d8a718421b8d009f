"""Keeps our requests inside Procore's allowance, as far as its headers tell.

Procore counts every request in two windows and reports whichever is nearer to running out. Used by procore around
each attempt: `acquire` before, `observe` after. The login host has no part in it.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime, timedelta

from sync_worker.client import outcomes
from sync_worker.client.headers import Headers, count, retry_after_seconds, seconds_until_reset
from sync_worker.client.outcomes import Action
from sync_worker.clock import Clock
from sync_worker.errors import StopRequested
from sync_worker.logs import Event, get_logger

LONGEST_WAIT_SECONDS = 2 * 3600.0
LONGEST_BACKOFF_SECONDS = 60.0
log = get_logger()


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is known of the allowance: the window last reported, requests let through, answers that told us to wait."""

    limit: int | None
    remaining: int | None
    acquired: int
    throttled: int
    waiting_seconds: float
    blocked_until: datetime | None


class Budget:
    """The allowance shared by all threads that use one credential."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._limit: int | None = None
        self._remaining: int | None = None
        self._acquired = 0
        self._throttled = 0
        self._volleys = 0
        self._blocked_until = 0.0
        self._announced_until = 0.0

    def acquire(self, stop: threading.Event) -> None:
        """Wait until one request may be sent.

        Raises:
            StopRequested: the stop event is set, before or during the wait.
        """
        while (seconds := self._announced_wait()) > 0:
            if self._clock.wait(stop, seconds):
                break
        if stop.is_set():
            raise StopRequested("asked to stop before the next request")
        with self._lock:
            self._acquired += 1

    def observe(self, headers: Headers, status: int, now: datetime) -> None:
        """Learn from an answer; `now` is the server's time, so that a wrong clock here does not matter."""
        reset_seconds = seconds_until_reset(headers, now)
        remaining = count(headers, "X-Rate-Limit-Remaining")
        with self._lock:
            self._limit = count(headers, "X-Rate-Limit-Limit") or self._limit
            self._remaining = remaining if remaining is not None else self._remaining
            if outcomes.action(status, headers) is Action.WAIT:
                # A 503 is about load: with allowance left, its reset (up to an hour away) has nothing to do with it.
                resets = reset_seconds if status == 429 or not remaining else None
                told = [s for s in (resets, retry_after_seconds(headers, now)) if s is not None]
                self._throttle(max(told, default=0.0))
                return
            self._volleys = 0
            if remaining == 0 and reset_seconds is not None:
                self._block(reset_seconds)

    @property
    def allowance(self) -> Allowance:
        """What is known now."""
        with self._lock:
            seconds = self._waiting_seconds()
            return Allowance(
                limit=self._limit,
                remaining=self._remaining,
                acquired=self._acquired,
                throttled=self._throttled,
                waiting_seconds=seconds,
                blocked_until=self._clock.now() + timedelta(seconds=seconds) if seconds > 0 else None,
            )

    def _throttle(self, told_seconds: float) -> None:
        self._throttled += 1
        if self._waiting_seconds() <= 0:
            self._volleys += 1  # answers to requests that were under way already are the same volley
        # A reset that has passed, or none, must not turn into hammering.
        self._block(max(told_seconds, min(2.0 ** (self._volleys - 1), LONGEST_BACKOFF_SECONDS)))

    def _block(self, seconds: float) -> None:
        until = self._clock.monotonic() + min(seconds, LONGEST_WAIT_SECONDS)
        self._blocked_until = max(self._blocked_until, until)

    def _waiting_seconds(self) -> float:
        return max(0.0, self._blocked_until - self._clock.monotonic())

    def _announced_wait(self) -> float:
        with self._lock:
            seconds = self._waiting_seconds()
            first = seconds > 0 and self._announced_until < self._blocked_until
            if first:
                self._announced_until = self._blocked_until
        if first:
            log.info(Event.ALLOWANCE_WAITING, seconds=round(seconds, 1), rate_remaining=self._remaining)
        return seconds
