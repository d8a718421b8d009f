from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from support.clock import ManualClock
from support.connected import SECRET, Connect, Connected, rfis, split
from support.scripted_server import Answer, Received, Serve, Wire, granted, in_turn, records
from sync_worker.client.tokens import PAUSE_SECONDS
from sync_worker.errors import AuthError, RetryableError, UnreachableError
from sync_worker.model import Calls

THREADS = 8
OK = Answer(records(1))
UNAUTHORIZED = Answer(b'{"errors": "Unauthorized"}', status=401)


def fetch_in_threads(client: Connected) -> None:
    """One listing in each thread, all beginning at the same time."""
    together = threading.Barrier(THREADS)

    def fetch(project_id: int) -> None:
        together.wait()
        list(client.procore.pages(rfis(project_id=project_id), split, Calls()))

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(fetch, range(THREADS)))


def test_one_token_serves_all_threads(connect: Connect) -> None:
    client = connect(in_turn(OK))
    fetch_in_threads(client)
    assert len(client.server.grants()) == 1


def test_the_grant_is_requested_by_a_form_of_client_credentials(connect: Connect) -> None:
    client = connect(in_turn(OK))
    client.pages()
    grant = client.server.grants()[0]
    assert grant.form == {"grant_type": "client_credentials", "client_id": "the-client", "client_secret": SECRET}
    assert grant.headers["Authorization"] is None
    assert client.calls.spent == 1, "the login host is no part of the allowance"


@pytest.mark.parametrize("left", [299, 0, -100], ids=["stale", "just expired", "long expired"])
def test_a_token_that_ends_is_refreshed_once_for_eight_threads(connect: Connect, left: int) -> None:
    clock = ManualClock()
    client = connect(in_turn(OK), clock=clock)
    client.pages()
    clock.advance(5400 - left)
    fetch_in_threads(client)
    assert len(client.server.grants()) == 2
    client.pages()
    assert client.server.received[-1].headers["Authorization"] == "Bearer token-2"


def test_a_fresh_token_is_kept(connect: Connect) -> None:
    clock = ManualClock()
    client = connect(in_turn(OK), clock=clock)
    client.pages()
    clock.advance(5400 - 301)
    client.pages()
    assert len(client.server.grants()) == 1


@pytest.mark.parametrize("revoking", [True, False], ids=["a grant revokes the old token", "old tokens live on"])
def test_a_token_revoked_mid_run_is_replaced_once_for_eight_threads(serve: Serve, revoking: bool) -> None:
    tokens: list[str] = []
    revoked: set[str] = set()
    lock = threading.Lock()

    def script(received: Received) -> Answer:
        with lock:
            if received.path == "/oauth/token":
                if revoking:
                    revoked.update(tokens)
                tokens.append(f"token-{len(tokens) + 1}")
                return granted(tokens[-1])
            sent = received.headers["Authorization"].removeprefix("Bearer ")
            return UNAUTHORIZED if sent in revoked else OK

    client = Connected(serve(script))
    client.pages()
    revoked.add("token-1")
    fetch_in_threads(client)
    client.transport.close()
    assert tokens == ["token-1", "token-2"]


def test_a_401_is_answered_with_a_new_token_in_a_new_header(connect: Connect) -> None:
    client = connect(in_turn(UNAUTHORIZED, OK))
    client.pages()
    sent = [call.headers["Authorization"] for call in client.server.received if call.method == "GET"]
    assert sent == ["Bearer token-1", "Bearer token-2"]
    assert client.calls.spent == 2


def test_a_second_401_stops_the_credential_and_is_not_hammered(connect: Connect) -> None:
    clock = ManualClock()
    client = connect(in_turn(UNAUTHORIZED), clock=clock)
    with pytest.raises(AuthError, match=r"rfis: 401, a new token is refused as well; .* \(Unauthorized\)"):
        client.pages()
    assert client.calls.spent == 3, "the new token had a second to become known"
    for _ in range(3):
        with pytest.raises(AuthError):
            client.pages()
    assert clock.waits == [1.0]
    assert len(client.server.received) == 5, "two grants and three calls"
    clock.advance(PAUSE_SECONDS)
    client.server.script = in_turn(granted("token-9"), OK)
    client.pages()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer(b'{"error": "invalid_client", "error_description": "x"}', status=401), "401, invalid_client; check"),
        (Answer(b'{"error": "invalid_grant"}', status=400), "400, invalid_grant; check client_id and client_secret"),
        (Answer(b"", status=403), "403, the credentials are refused; check"),
        (Answer(b"", status=404), "404, no token is granted here; check environment and login_url"),
        (Answer(b"", status=302, headers={"Location": "https://elsewhere.example/"}), "302, no token is granted here"),
        (Answer(json.dumps({"error": SECRET}).encode(), status=401), "401, the credentials are refused"),
    ],
)
def test_refused_credentials_are_said_in_one_line_and_probed_once_in_five_minutes(
    serve: Serve, answer: Answer, said: str
) -> None:
    clock = ManualClock()
    client = Connected(serve(in_turn(answer)), clock=clock)
    for _ in range(3):
        with pytest.raises(AuthError) as refused:
            client.pages()
        assert str(refused.value).startswith(f"POST {client.server.url}/oauth/token: {said}")
        assert SECRET not in str(refused.value)
        assert "\n" not in str(refused.value)
    assert len(client.server.received) == 1
    clock.advance(PAUSE_SECONDS)
    with pytest.raises(AuthError):
        client.pages()
    assert len(client.server.received) == 2
    client.transport.close()


def test_eight_threads_send_refused_credentials_once(serve: Serve) -> None:
    client = Connected(serve(in_turn(Answer(b"", status=401))))
    with pytest.raises(AuthError):
        fetch_in_threads(client)
    assert len(client.server.received) == 1
    client.transport.close()


BROKEN_GRANTS: dict[str, Answer | Wire] = {
    "500": Answer(b"", status=500),
    "429": Answer(b"", status=429, headers={"Retry-After": "20"}),
    "HTML": Answer(b"<html>sign in to the hotel's network</html>"),
    "no token": Answer(b'{"expires_in": 5400}'),
    "no life": granted(expires_in=0),
    "a life of less than nothing as text": Answer(b'{"access_token": "t", "expires_in": "-5"}'),
    "an empty token": granted(token=" "),
    "a token that no header can carry": Answer(b'{"access_token": "to\\nken", "expires_in": 5400}'),
    "a token that is a number": Answer(b'{"access_token": 17, "expires_in": 5400}'),
    "nothing with 204": Answer(b"", status=204),
    "a firewall's 403": Answer(b"<html>", status=403, headers={"Content-Type": "text/html"}),
    "a proxy's 401": Answer(b"who are you?", status=401, headers={"Content-Type": "text/plain"}),
    "cut": Wire(b'HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n{"access_'),
}


@pytest.mark.parametrize("broken", BROKEN_GRANTS.values(), ids=BROKEN_GRANTS.keys())
def test_a_login_server_in_trouble_is_tried_again_in_the_same_layer(serve: Serve, broken: Answer | Wire) -> None:
    clock = ManualClock()
    client = Connected(serve(in_turn(broken, granted(), OK)), clock=clock)
    client.pages()
    assert len(clock.waits) == 1
    assert clock.waits[0] >= (20 if broken is BROKEN_GRANTS["429"] else 0.5)
    client.transport.close()


@pytest.mark.parametrize("useless", ["no token", "no life", "a token that no header can carry"])
def test_a_token_that_cannot_be_used_is_said_at_once_and_ends_the_run(serve: Serve, useless: str) -> None:
    clock = ManualClock()
    client = Connected(serve(in_turn(BROKEN_GRANTS[useless])), clock=clock)
    with pytest.raises(UnreachableError, match=r"/oauth/token: answered 200 with .*; check login_url$"):
        client.pages()
    assert sum(clock.waits) <= 1
    assert len(client.server.received) == 2
    client.transport.close()


@pytest.mark.parametrize("broken", BROKEN_GRANTS.values(), ids=BROKEN_GRANTS.keys())
def test_without_a_token_no_second_list_is_tried(serve: Serve, broken: Answer | Wire) -> None:
    client = Connected(serve(in_turn(broken)))
    with pytest.raises(UnreachableError):
        client.pages()
    client.transport.close()


def test_a_login_server_that_stays_down_is_named(serve: Serve) -> None:
    client = Connected(serve(in_turn(Answer(b"", status=500))))
    with pytest.raises(RetryableError, match="/oauth/token: 500, server error"):
        client.pages()
    assert len(client.server.received) == 6
    client.transport.close()


def test_a_stale_token_is_used_while_the_login_server_is_down(serve: Serve) -> None:
    clock = ManualClock()
    client = Connected(serve(in_turn(granted(), OK, Answer(b"", status=500), OK)), clock=clock)
    client.pages()
    clock.advance(5400 - 200)
    client.pages()
    client.pages()
    assert clock.waits == []
    assert len(client.server.grants()) == 2, "the next refresh is not tried at every call"
    client.transport.close()


def test_every_token_is_told_before_it_is_used(connect: Connect) -> None:
    told: list[str] = []
    client = connect(in_turn(UNAUTHORIZED, OK), on_new_secret=told.append)
    client.pages()
    assert told == ["token-1", "token-2"]


@pytest.mark.parametrize(
    ("grant", "life"),
    [
        (b'{"access_token": "token-1", "expires_in": "600"}', 600),
        (b'{"access_token": "token-1", "expires_in": " 600.0 "}', 600),
        (b'{"access_token": "token-1", "expires_in": null}', 5400),
        (b'{"access_token": "token-1"}', 5400),
        (b'{"access_token": "token-1", "expires_in": "soon"}', 5400),
        (b'{"access_token": "token-1", "expires_in": "nan"}', 5400),
        (b'{"access_token": "token-1", "expires_in": {"seconds": 600}}', 5400),
        (b'{"access_token": "token-1", "expires_in": 1e300}', 86400),
        (b'{"access_token": "token-1", "expires_in": 1e999}', 86400),
        (b'{"access_token": "token-1", "expires_in": "inf"}', 86400),
        (b'\xef\xbb\xbf{"access_token": "token-1\\r\\n",\r\n "expires_in": 600}\r\n', 600),
    ],
)
@pytest.mark.parametrize("status", [200, 201])
def test_a_token_is_used_for_the_life_that_it_is_said_to_have_however_that_is_written(
    serve: Serve, grant: bytes, life: int, status: int
) -> None:
    clock = ManualClock()
    client = Connected(serve(in_turn(Answer(grant, status), OK)), clock=clock)
    client.pages()
    assert client.server.received[-1].headers["Authorization"] == "Bearer token-1"
    clock.advance(life - min(300, life / 10) - 1)
    client.pages()
    assert len(client.server.grants()) == 1
    clock.advance(1)
    client.server.script = in_turn(granted("token-2"), OK)
    client.pages()
    assert client.server.received[-1].headers["Authorization"] == "Bearer token-2"
    client.transport.close()
