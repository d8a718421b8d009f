"""The only layer that tries again: a `RetryableError` leads to another attempt, after a growing pause.

Used by procore, around everything that an attempt needs (rate limit, token, sending, parsing), so that no second layer
multiplies calls.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass

from tenacity import (
    AttemptManager,
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    wait_exponential,
    wait_random,
)

from sync_worker.clock import Clock
from sync_worker.errors import RetryableError, StopRequested
from sync_worker.logs import Event, get_logger

log = get_logger()


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """The limits of attempts and of their time in all for a request; each attempt has a deadline of its own."""

    attempts: int = 6
    first_wait_seconds: float = 0.5
    longest_wait_seconds: float = 30.0
    waits_seconds: float = 300.0
    """The most that all pauses together may take; a pause that would exceed it is not begun."""


class Retry:
    """The attempts at each request, until one succeeds, fails for good, or the policy is exhausted."""

    def __init__(self, policy: RetryPolicy, *, clock: Clock, stop: threading.Event) -> None:
        self._policy = policy
        self._clock = clock
        self._stop = stop
        growing = wait_exponential(multiplier=policy.first_wait_seconds, max=policy.longest_wait_seconds)
        self._backoff = growing + wait_random(0, policy.first_wait_seconds)

    def attempts(self) -> Iterable[AttemptManager]:
        """Return the attempts at one request: `for attempt in retry.attempts(): with attempt: …`.

        The loop raises the error of the last attempt, or `StopRequested` if the stop event is set during a pause.
        """
        # tenacity keeps the state of a loop in the object, so each loop needs its own.
        return Retrying(
            retry=retry_if_exception_type(RetryableError),
            wait=self._wait_seconds,
            stop=self._is_exhausted,
            sleep=self._pause,
            before_sleep=_log_retry,
            reraise=True,
        )

    def _wait_seconds(self, state: RetryCallState) -> float:
        return max(self._backoff(state), _error_of(state).retry_after_seconds or 0.0)

    def _is_exhausted(self, state: RetryCallState) -> bool:
        attempts = min(self._policy.attempts, _error_of(state).attempts or self._policy.attempts)
        waits_seconds = state.idle_for + state.upcoming_sleep
        return state.attempt_number >= attempts or waits_seconds > self._policy.waits_seconds

    def _pause(self, seconds: float) -> None:
        if self._clock.wait(self._stop, seconds):
            raise StopRequested("asked to stop while waiting to try a request again")


def _log_retry(state: RetryCallState) -> None:
    log.warning(
        Event.REQUEST_RETRY_SCHEDULED,
        attempt=state.attempt_number,
        wait_seconds=round(state.upcoming_sleep, 3),
        error=str(_error_of(state)),
    )


def _error_of(state: RetryCallState) -> RetryableError:
    """Return the error of the last attempt; tenacity waits only after one that may be tried again."""
    error = state.outcome.exception() if state.outcome is not None else None
    if not isinstance(error, RetryableError):
        raise AssertionError("only a RetryableError is tried again")
    return error
