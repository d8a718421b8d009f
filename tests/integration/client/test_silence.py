"""A host that accepts connections and answers nothing, as distinct from a list that fails by itself."""

from __future__ import annotations

import pytest

from support.clock import ManualClock
from support.connected import Connect, Connected, rfis
from support.scripted_server import Answer, Received, Script, Wire, records
from sync_worker.errors import NoAnswerError, RetryableError, SkippableError, UnreachableError

GOOD = Answer(records(1))
USELESS = {
    "errors": Answer(b"", status=500),
    "a closed door": Wire(b""),
    "HTML for everybody": Answer(b"<html>"),
}


def failing(broken: Answer | Wire, *projects: int) -> Script:
    """Break the lists of these projects; answer the others."""

    def script(received: Received) -> Answer | Wire:
        return broken if any(f"/{project}/" in received.path for project in projects) else GOOD

    return script


def read(client: Connected, project: int) -> Exception | None:
    """Read a project's list; return the error that ended it."""
    try:
        client.pages(rfis(project_id=project))
    except RetryableError as failure:
        return failure
    return None


def from_now_on(client: Connected, script: Script) -> None:
    """Let the server answer everything but token requests by this script."""
    before = client.server.script
    client.server.script = lambda received: (script if received.path != "/oauth/token" else before)(received)


@pytest.mark.parametrize("broken", USELESS.values(), ids=USELESS)
def test_a_host_is_unreachable_when_two_lists_and_a_probe_fail(connect: Connect, broken: Answer | Wire) -> None:
    client = connect(failing(broken, 2, 3), clock=ManualClock())
    assert read(client, 1) is None
    assert type(read(client, 2)) is not UnreachableError
    from_now_on(client, failing(broken, 1, 2, 3))
    asked = client.calls.spent

    failure = read(client, 3)

    assert isinstance(failure, UnreachableError)
    assert str(failure).endswith("; nothing else is answered any more")
    assert client.calls.spent - asked == 7
    assert client.server.paths().count("/rest/v1.0/projects/1/rfis") > 1


@pytest.mark.parametrize("broken", USELESS.values(), ids=USELESS)
def test_lists_that_fail_one_after_the_other_fail_alone_while_another_is_answered(
    connect: Connect, broken: Answer | Wire
) -> None:
    client = connect(failing(broken, 2, 3, 4), clock=ManualClock())
    assert read(client, 1) is None

    failures = [read(client, project) for project in (2, 3, 4)]

    assert [isinstance(failure, UnreachableError) for failure in failures] == [False] * 3
    assert None not in failures
    assert read(client, 1) is None


def test_a_host_that_never_answered_is_given_up_at_the_second_list(connect: Connect) -> None:
    client = connect(failing(Answer(b"", status=502), 1, 2), clock=ManualClock())

    assert type(read(client, 1)) is NoAnswerError
    assert isinstance(read(client, 2), UnreachableError)
    assert client.calls.spent == 12


def test_a_refusal_is_an_answer(connect: Connect) -> None:
    def script(received: Received) -> Answer:
        return Answer(b"", status=403 if "/1/" in received.path else 500)

    client = connect(script, clock=ManualClock())
    for _ in range(2):
        assert type(read(client, 2)) is RetryableError
        with pytest.raises(SkippableError):
            client.pages(rfis(project_id=1))
        assert type(read(client, 3)) is RetryableError
        with pytest.raises(SkippableError):
            client.pages(rfis(project_id=1))
