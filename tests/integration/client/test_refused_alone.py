"""A list that is always refused fails within a bound; refusals of all lists are waited for or stop the run."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from support.clock import ManualClock
from support.connected import Connect, Connected, rfis
from support.scripted_server import Answer, Received, Script, in_turn, records
from sync_worker.client.caller import ALONE_AFTER_SECONDS
from sync_worker.client.rate_limiter import SPIKE_SECONDS
from sync_worker.client.tokens import PAUSE_SECONDS
from sync_worker.errors import AllowanceSpent, AuthError, RetryableError, SyncWorkerError, UnreachableError
from sync_worker.logs import Event
from sync_worker.model import Calls

GOOD = Answer(records(1))
LEFT = {"X-Rate-Limit-Limit": "3600", "X-Rate-Limit-Remaining": "3000", "X-Rate-Limit-Reset": "1"}
UNAUTHORIZED = Answer(b'{"errors": "Unauthorized"}', 401)
FOR_EVER = {
    "503": Answer(b'{"errors": "overloaded"}', 503, {"Retry-After": "1"}),
    "503 for an hour": Answer(b'{"errors": "overloaded"}', 503, {"Retry-After": "3600"}),
    "503 since ever": Answer(b'{"errors": "overloaded"}', 503, {"Retry-After": "-1"}),
    "429": Answer(b'{"errors": "overloaded"}', 429, {"Retry-After": "1"}),
    "429 without a word": Answer(b'{"errors": "overloaded"}', 429),
    "429 with calls left": Answer(b'{"errors": "overloaded"}', 429, {**LEFT, "Retry-After": "1"}),
}


def refusing(refusal: Answer, *projects: int) -> Script:
    """Refuse the lists of these projects; answer the others."""
    return lambda received: refusal if any(f"/{project}/" in received.path for project in projects) else GOOD


def from_now_on(client: Connected, answer: Script) -> None:
    before = client.server.script
    client.server.script = lambda received: (answer if received.path != "/oauth/token" else before)(received)


def failure(client: Connected, project: int) -> SyncWorkerError:
    with pytest.raises(SyncWorkerError) as failed:
        client.pages(rfis(project_id=project))
    return failed.value


@pytest.mark.parametrize("refusal", FOR_EVER.values(), ids=FOR_EVER)
def test_a_list_that_is_told_to_wait_for_ever_fails_alone_and_the_others_go_on(
    connect: Connect, refusal: Answer
) -> None:
    clock = ManualClock()
    client = connect(refusing(refusal, 2, 3), clock=clock)
    client.pages(rfis(project_id=1))

    for project in (2, 3):
        before, spent = clock.monotonic(), client.calls.spent
        failed = failure(client, project)
        assert isinstance(failed, RetryableError)
        assert not isinstance(failed, UnreachableError)
        assert f"/projects/{project}/rfis: {refusal.status} again and again for " in str(failed)
        assert "while other lists are answered (overloaded)" in str(failed)
        told = int(refusal.headers.get("Retry-After", 0))
        assert clock.monotonic() - before <= max(told, ALONE_AFTER_SECONDS) + 3 * SPIKE_SECONDS
        assert client.calls.spent - spent <= 10
        client.pages(rfis(project_id=1))


def test_a_list_that_must_not_be_asked_for_an_hour_though_calls_are_left_keeps_nobody_waiting(connect: Connect) -> None:
    clock = ManualClock()
    refusal = Answer(b"{}", 429, {**LEFT, "Retry-After": "3600"})
    client = connect(refusing(refusal, 2), clock=clock)
    client.pages(rfis(project_id=1))

    assert "while other lists are answered" in str(failure(client, 2))
    client.pages(rfis(project_id=1))
    assert clock.monotonic() <= 3 * SPIKE_SECONDS


def test_calls_that_do_not_wait_are_not_stopped_by_one_list(connect: Connect) -> None:
    refusal = Answer(b"{}", 429, {**LEFT, "Retry-After": "3600"})
    client = connect(refusing(refusal, 2), calls=Calls(waits=False))
    client.pages(rfis(project_id=1))
    assert isinstance(failure(client, 2), RetryableError)


def test_a_wait_demanded_of_the_first_list_is_logged_or_ends_the_run(connect: Connect) -> None:
    clock = ManualClock()
    refusal = Answer(b"{}", 429, {**LEFT, "Retry-After": "3600"})
    impatient = connect(in_turn(refusal), calls=Calls(waits=False), clock=clock)
    assert isinstance(failure(impatient, 1), AllowanceSpent)
    assert clock.monotonic() <= SPIKE_SECONDS

    with capture_logs() as logged:
        connect(in_turn(refusal, GOOD), clock=clock).pages(rfis(project_id=1))
    (told,) = [line for line in logged if line["event"] == Event.ALLOWANCE_WAITING]
    assert (told["seconds"], clock.monotonic() >= 3600) == (3600, True)


def test_what_everybody_is_refused_is_waited_for_although_it_lasts(connect: Connect) -> None:
    clock = ManualClock()
    client = connect(in_turn(GOOD, *[Answer(b"{}", 503, {"Retry-After": "600"})] * 9, GOOD), clock=clock)
    client.pages(rfis(project_id=1))
    client.pages(rfis(project_id=2))
    assert clock.monotonic() >= 3000


def test_a_wait_of_all_lists_ends_in_time(connect: Connect) -> None:
    clock = ManualClock()
    client = connect(in_turn(Answer(b"{}", 503, {"Retry-After": "1"})), clock=clock)
    assert "503 again and again for" in str(failure(client, 1))
    assert clock.monotonic() < 3 * 3600
    assert client.calls.spent < 200


def test_a_list_that_alone_answers_401_fails_alone_and_the_token_stays(connect: Connect) -> None:
    client = connect(refusing(UNAUTHORIZED, 2), clock=ManualClock())
    client.pages(rfis(project_id=1))

    failed = failure(client, 2)

    assert isinstance(failed, RetryableError)
    assert "/projects/2/rfis: 401, though other lists are answered with the same token (Unauthorized)" in str(failed)
    assert client.calls.spent == 5, "three for the list, one before and one to prove the token"
    client.pages(rfis(project_id=3))
    assert len(client.server.grants()) == 2


def test_credentials_are_blamed_when_what_was_answered_last_is_refused_as_well(connect: Connect) -> None:
    clock = ManualClock()
    client = connect(refusing(UNAUTHORIZED), clock=clock)
    client.pages(rfis(project_id=1))
    from_now_on(client, in_turn(UNAUTHORIZED))

    assert isinstance(failure(client, 2), AuthError)
    asked = len(client.server.received)
    assert isinstance(failure(client, 3), AuthError)
    assert len(client.server.received) == asked, "and they rest"

    clock.advance(PAUSE_SECONDS)
    from_now_on(client, in_turn(GOOD))
    client.pages(rfis(project_id=3))


def test_credentials_are_not_blamed_while_nothing_is_answered(connect: Connect) -> None:
    def script(received: Received) -> Answer:
        return UNAUTHORIZED if "/2/" in received.path else Answer(b"", 500)

    client = connect(refusing(UNAUTHORIZED), clock=ManualClock())
    client.pages(rfis(project_id=1))
    from_now_on(client, script)
    failed = failure(client, 2)
    assert isinstance(failed, RetryableError)
    from_now_on(client, in_turn(GOOD))
    client.pages(rfis(project_id=2))


def test_a_new_token_that_the_api_does_not_know_yet_is_tried_again_after_a_second(connect: Connect) -> None:
    clock = ManualClock()
    client = connect(in_turn(UNAUTHORIZED, UNAUTHORIZED, GOOD), clock=clock)
    client.pages()
    assert clock.waits == [1.0]
    assert [call.headers["Authorization"] for call in client.server.received if call.method == "GET"] == [
        "Bearer token-1",
        "Bearer token-2",
        "Bearer token-2",
    ]
