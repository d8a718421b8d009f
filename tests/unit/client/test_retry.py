from __future__ import annotations

import threading

import pytest
from structlog.testing import capture_logs

from support.clock import ManualClock
from sync_worker.client.retry import Retry, RetryPolicy
from sync_worker.errors import RequestError, RetryableError


class Failing:
    """An attempt that raises the given errors and then succeeds."""

    def __init__(self, *errors: Exception) -> None:
        self.left = list(errors)
        self.made = 0

    def __call__(self) -> str:
        self.made += 1
        if self.left:
            raise self.left.pop(0)
        return "done"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def retry(clock: ManualClock, **limits: float) -> Retry:
    return Retry(RetryPolicy(**limits), clock=clock, stop=threading.Event())  # type: ignore[arg-type]


def call(retry: Retry, attempt: Failing) -> str:
    """Return the result of the first attempt that succeeds."""
    for each in retry.attempts():
        with each:
            return attempt()
    raise AssertionError("the last attempt returns or raises")


def test_the_last_error_comes_out_as_it_was_raised(clock: ManualClock) -> None:
    errors = [RetryableError(f"no {n}") for n in range(3)]
    attempt = Failing(*errors)
    with pytest.raises(RetryableError) as failed:
        call(retry(clock, attempts=3), attempt)
    assert failed.value is errors[-1]
    assert attempt.made == 3


def test_an_error_that_is_not_retryable_is_not_retried(clock: ManualClock) -> None:
    attempt = Failing(RequestError("never"))
    with pytest.raises(RequestError):
        call(retry(clock), attempt)
    assert attempt.made == 1
    assert clock.waits == []


def test_no_pause_is_begun_that_would_wait_too_long_in_all(clock: ManualClock) -> None:
    attempt = Failing(RetryableError("a"), RetryableError("b", retry_after_seconds=900))
    with pytest.raises(RetryableError, match="b"):
        call(retry(clock, waits_seconds=300), attempt)
    assert len(clock.waits) == 1


def test_pauses_stop_growing(clock: ManualClock) -> None:
    attempt = Failing(*[RetryableError("x") for _ in range(9)])
    call(retry(clock, attempts=10), attempt)
    assert all(30 <= wait <= 30.5 for wait in clock.waits[6:])


def test_each_loop_has_its_own_attempts(clock: ManualClock) -> None:
    one = retry(clock, attempts=2)
    for _ in range(3):
        assert call(one, Failing(RetryableError("x"))) == "done"


def test_each_pause_is_logged_with_its_attempt_and_cause(clock: ManualClock) -> None:
    with capture_logs() as logs:
        call(retry(clock), Failing(RetryableError("a"), RetryableError("b")))
    assert [(entry["event"], entry["attempt"], entry["error"]) for entry in logs] == [
        ("request.retry_scheduled", 1, "a"),
        ("request.retry_scheduled", 2, "b"),
    ]
    assert [entry["wait_seconds"] for entry in logs] == [round(wait, 3) for wait in clock.waits]
