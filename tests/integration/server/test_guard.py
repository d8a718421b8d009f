"""Who may see data, on a real socket."""

from __future__ import annotations

import base64
import http.client
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from support.clock import ManualClock
from sync_worker.server.guard import REQUESTS_AT_ONCE, guarded
from sync_worker.server.listening import listening

TOKEN = "the-t0ken-of-this-server"


def page(_request: Request) -> Response:
    return PlainTextResponse("the data")


@contextmanager
def serving(token: str | None, clock: ManualClock | None = None) -> Iterator[str]:
    given = SecretStr(token) if token else None
    routes = guarded([("/data", page)], host="127.0.0.1", token=given, clock=clock or ManualClock())
    with listening("127.0.0.1", 0, routes) as url:
        yield url


def ask(
    url: str, path: str = "/data", *, method: str = "GET", body: bytes | None = None, **headers: str
) -> tuple[int, str, Mapping[str, str]]:
    """Status, body and headers of an answer."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body=body, headers=sent)
    response = connection.getresponse()
    told = response.read().decode()
    connection.close()
    return response.status, told, {name.lower(): value for name, value in response.getheaders()}


def basic(password: str, user: str = "anyone") -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def problem(answer: tuple[int, str, Mapping[str, str]]) -> dict[str, Any]:
    status, body, headers = answer
    assert headers["content-type"] == "application/problem+json"
    found: dict[str, Any] = json.loads(body)
    assert found["status"] == status
    return found


def test_the_token_opens_as_bearer_or_as_the_password_of_basic_and_nothing_else_does() -> None:
    with serving(TOKEN, ManualClock()) as url:
        opened = [ask(url, Authorization=given) for given in (f"Bearer {TOKEN}", f"bearer {TOKEN}", basic(TOKEN))]
        wrong = ("", TOKEN, f"Bearer {TOKEN}x", "Bearer", f"Token {TOKEN}", basic(TOKEN[:-1]), basic("", TOKEN),
                 "Basic ====", "Bearer \xff")  # fmt: skip
        refused = [ask(url, Authorization=given) for given in wrong] + [ask(url)]

    assert {(status, body) for status, body, _ in opened} == {(200, "the data")}
    assert {headers["cache-control"] for _, _, headers in opened} == {"no-store"}
    assert {status for status, _, _ in refused} == {401}
    assert all(problem(answer)["title"] == "Unauthorized" for answer in refused)
    assert all("Basic" in headers["www-authenticate"] and TOKEN not in body for _, body, headers in refused)
    assert not [name for _, _, headers in opened + refused for name in headers if name.startswith("access-control")]


def test_without_a_token_this_machine_sees_the_data_and_the_page_of_another_site_does_not() -> None:
    with serving(None) as url:
        assert ask(url)[0] == ask(url, Host="localhost:8791")[0] == ask(url, Host="[::1]:8791")[0] == 200
        assert problem(ask(url, Host="rebound.example"))["status"] == 403


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "worker.example"])  # noqa: S104 - nothing is bound
def test_bound_to_another_address_without_a_token_nothing_is_shown(host: str) -> None:
    assert list(guarded([("/data", page)], host=host, token=None, clock=ManualClock())) == []
    assert len(guarded([("/data", page)], host=host, token=SecretStr(TOKEN), clock=ManualClock())) == 1


def test_size_and_rate_are_bounded_before_the_token_is_looked_at() -> None:
    clock = ManualClock()
    with serving(TOKEN, clock) as url:
        statuses = [ask(url)[0] for _ in range(int(REQUESTS_AT_ONCE) + 1)]
        refused = ask(url, Authorization=f"Bearer {TOKEN}")
        clock.advance(1)
        assert ask(url, Authorization=f"Bearer {TOKEN}")[0] == 200
        large = ask(url, Authorization=f"Bearer {TOKEN}", Content_Length="65537")
        endless = ask(url, Authorization=f"Bearer {TOKEN}", Transfer_Encoding="chunked")

    assert statuses == [401] * int(REQUESTS_AT_ONCE) + [429]
    assert problem(refused)["status"] == 429
    assert refused[2]["retry-after"] == "1"
    assert (problem(large)["status"], problem(endless)["status"]) == (413, 413)


def test_what_is_not_there_is_a_problem_too() -> None:
    with serving(TOKEN) as url:
        assert problem(ask(url, "/nothing"))["title"] == "Not Found"
        assert problem(ask(url, method="POST", body=b"{}"))["title"] == "Method Not Allowed"
