from __future__ import annotations

import json

import pytest

from sync_worker.client.outcomes import Action, action, failure, reason, refusal
from sync_worker.errors import RetryableError


@pytest.mark.parametrize(
    ("status", "wanted"),
    [
        (200, Action.ACCEPT),
        (206, Action.REJECT_PAYLOAD),
        (300, Action.REFUSE),
        (401, Action.RENEW_TOKEN),
        (409, Action.REFUSE),
        (429, Action.WAIT),
        (503, Action.RETRY),
        (599, Action.RETRY),
        (777, Action.RETRY),
    ],
)
def test_every_status_has_one_action(status: int, wanted: Action) -> None:
    assert action(status, {}) is wanted


def test_a_503_with_retry_after_is_waited_for() -> None:
    assert action(503, {"Retry-After": "5"}) is Action.WAIT


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"errors": "Bad"}, "Bad"),
        ({"errors": ["Bad", "Worse", "Bad"]}, "Bad; Worse"),
        ({"errors": {"per_page": ["is too large"]}}, "per_page: is too large"),
        ({"errors": [{"field": "x", "message": "y"}]}, "field: x; message: y"),
        ({"error": "invalid", "error_description": "no such filter"}, "invalid; no such filter"),
        ({"message": "line one\r\nline\u2028two\x1b[31m"}, "line one line two [31m"),
        ({"unknown": "field"}, ""),
        (["Bad"], "Bad"),
        (None, ""),
    ],
)
def test_the_reason_is_what_an_error_body_says_in_one_line(body: object, said: str) -> None:
    assert reason(json.dumps(body).encode()) == said


def test_a_long_reason_is_capped() -> None:
    said = reason(json.dumps({"message": "x" * 5000}).encode())
    assert len(said) == 200
    assert said.endswith("…")


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff\xfe", b"[" * 100_000, b'{"errors":' * 5000])
def test_a_body_that_is_no_json_says_nothing(body: bytes) -> None:
    assert reason(body) == ""


def test_a_retryable_refusal_has_the_pause_that_the_server_demands() -> None:
    error = refusal("GET https://api.example/x", 502, retry_after_seconds=7)
    assert isinstance(error, RetryableError)
    assert error.retry_after_seconds == 7


def test_the_text_of_an_unknown_failure_is_not_repeated() -> None:
    error = failure("GET https://api.example/x", OSError("https://user:password@proxy"), 60)
    assert str(error) == "GET https://api.example/x: OSError"
