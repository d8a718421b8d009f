"""A page that is too much for a gateway, told from a gateway that is too much for everybody."""

from __future__ import annotations

import pytest

from support.clock import ManualClock
from support.connected import Connect, rfis
from support.scripted_server import Answer, Received, Script, Wire, in_turn, records
from sync_worker.errors import RetryableError, SyncWorkerError, TooLargeError, UnreachableError

GOOD = Answer(records(1))
GIVEN_UP = {
    "502": Answer(b"<html>", 502, {"Content-Type": "text/html"}),
    "504": Answer(b"", 504),
    "a broken connection": Wire(b""),
    "a body that ends early": Wire(b"HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n[{"),
    "silence": Wire(b"H", drip=True, stall=True),
}


def too_much(broken: Answer | Wire) -> Script:
    """Answer pages of 500 records and fewer."""

    def script(received: Received) -> Answer | Wire:
        return broken if int(received.params.get("per_page", 0)) > 500 else GOOD

    return script


@pytest.mark.parametrize("broken", GIVEN_UP.values(), ids=GIVEN_UP)
def test_a_page_that_fails_twice_while_others_are_answered_is_too_large(
    connect: Connect, broken: Answer | Wire
) -> None:
    client = connect(too_much(broken), deadline_seconds=0.3)
    client.pages(rfis(project_id=1, per_page=100))
    with pytest.raises(TooLargeError):
        client.pages(rfis(project_id=2, per_page=1000))
    assert client.calls.spent == 1 + 2 + 1, "two attempts, and one call that shows that others are answered"
    assert len(client.pages(rfis(project_id=2, per_page=250))) == 1


@pytest.mark.parametrize("broken", [GIVEN_UP["504"], GIVEN_UP["a broken connection"]], ids=["504", "broken"])
def test_a_gateway_that_answers_nobody_is_asked_for_no_smaller_pages(connect: Connect, broken: Answer | Wire) -> None:
    client = connect(too_much(broken), clock=ManualClock())
    client.pages(rfis(project_id=1, per_page=100))
    before = client.server.script
    client.server.script = lambda received: before(received) if received.path == "/oauth/token" else broken

    for project, error in ((2, RetryableError), (3, UnreachableError)):
        asked = client.calls.spent
        with pytest.raises(RetryableError) as failed:
            client.pages(rfis(project_id=project, per_page=1000))
        assert isinstance(failed.value, error)
        assert not isinstance(failed.value, TooLargeError)
        assert client.calls.spent - asked == 6 + 1


@pytest.mark.parametrize("status", [500, 502, 504, 408])
@pytest.mark.parametrize("per_page", [50, 1000])
def test_an_error_that_puts_one_list_off_for_minutes_keeps_nobody_waiting(
    connect: Connect, status: int, per_page: int
) -> None:
    clock = ManualClock()
    broken = Answer(b"", status, {"Retry-After": "300"})
    client = connect(lambda received: GOOD if "/projects/1/" in received.path else broken, clock=clock)
    client.pages(rfis(project_id=1, per_page=100))

    with pytest.raises(SyncWorkerError):
        client.pages(rfis(project_id=2, per_page=per_page))
    assert sum(clock.waits) < 30
    assert len(client.pages(rfis(project_id=1, per_page=100))) == 1


@pytest.mark.parametrize("per_page", [50, 1])
def test_a_page_that_cannot_be_smaller_is_only_tried_again(connect: Connect, per_page: int) -> None:
    client = connect(in_turn(*[Answer(b"", 504)] * 5, GOOD), clock=ManualClock())
    assert len(client.pages(rfis(per_page=per_page))) == 1
    assert client.calls.spent == 6
