"""A page that is too large for a gateway, as distinct from a gateway that answers nobody."""

from __future__ import annotations

import pytest

from support.clock import ManualClock
from support.connected import Connect, Connected, rfis
from support.scripted_server import Answer, Received, Script, Wire, in_turn, records
from sync_worker.errors import RetryableError, SyncWorkerError, TimedOutError, TooLargeError, UnreachableError

GOOD = Answer(records(1))
GIVEN_UP: dict[str, Answer | Wire] = {
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


def calls_until_given_up(client: Connected, *page_sizes: int) -> int:
    """Request the list of project 2 in pages of these sizes, as the runner does; every size fails."""
    asked = client.calls.spent
    for per_page in page_sizes:
        with pytest.raises((TimedOutError, TooLargeError)):
            client.pages(rfis(project_id=2, per_page=per_page))
    return client.calls.spent - asked


def test_a_list_that_never_answers_costs_one_time_out_a_page_size_once_two_have_shown_it(connect: Connect) -> None:
    client = connect(lambda received: GOOD if "/1/" in received.path else GIVEN_UP["silence"], deadline_seconds=0.1)
    client.pages(rfis(project_id=1))
    time_outs, probes = 2 + 1 + 1 + 1, 4
    assert calls_until_given_up(client, 2000, 500, 125, 50) == time_outs + probes
    assert calls_until_given_up(client, 2000, 500, 125, 50) == time_outs - 1 + probes, "it has not answered since"


def test_a_list_that_cannot_be_divided_is_given_up_after_three_time_outs(connect: Connect) -> None:
    client = connect(lambda received: GOOD if "/1/" in received.path else GIVEN_UP["silence"], deadline_seconds=0.5)
    client.pages(rfis(project_id=1))
    assert calls_until_given_up(client, 50) == 3 + 1, "and one call that shows that others are answered"


def test_a_list_that_could_be_divided_for_ever_is_given_up_after_eight_time_outs(connect: Connect) -> None:
    client = connect(lambda received: GOOD if "/1/" in received.path else GIVEN_UP["silence"], deadline_seconds=0.5)
    client.pages(rfis(project_id=1))
    for per_page in range(1000, 1006):
        with pytest.raises(TooLargeError):
            client.pages(rfis(project_id=2, per_page=per_page))
    with pytest.raises(TimedOutError):
        client.pages(rfis(project_id=2, per_page=1006))


def test_a_slow_list_that_answers_in_the_end_has_both_attempts_again(connect: Connect) -> None:
    slow = too_much(GIVEN_UP["silence"])
    client = connect(slow, deadline_seconds=0.5)
    client.pages(rfis(project_id=1, per_page=100))
    for _ in range(2):
        assert calls_until_given_up(client, 2000, 1000) == (2 + 1) + (1 + 1)
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
