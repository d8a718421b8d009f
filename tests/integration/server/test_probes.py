from __future__ import annotations

import json
import socket
import urllib.error
import urllib.request
from typing import Any

import pytest

from sync_worker.errors import ConfigurationError
from sync_worker.server.listening import listening
from sync_worker.server.probes import probes


def answer(url: str) -> tuple[int, Any]:
    """Status and body."""
    try:
        with urllib.request.urlopen(url, timeout=60) as response:  # noqa: S310 - our own server
            return response.status, json.load(response)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, json.load(refused)


def test_the_probes_say_what_holds_when_they_are_asked() -> None:
    holds = {"health": True, "ready": False}
    routes = probes(is_healthy=lambda: holds["health"], is_ready=lambda: holds["ready"])
    with listening("127.0.0.1", 0, routes) as url:
        before = answer(f"{url}/healthz"), answer(f"{url}/readyz")
        holds.update(health=False, ready=True)
        after = answer(f"{url}/healthz"), answer(f"{url}/readyz")

    assert before == ((200, {"beats": True}), (503, {"ready": False}))
    assert after == ((503, {"beats": False}), (200, {"ready": True}))
    with pytest.raises(urllib.error.URLError):
        answer(f"{url}/healthz")


def test_an_address_that_is_taken_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with (
            pytest.raises(ConfigurationError, match=f"cannot listen on 127.0.0.1:{port}"),
            listening("127.0.0.1", port, []),
        ):
            pass


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        ("192.0.2.1", "Cannot assign requested address"),
        ("no..such.host", "this is not a host name"),
        ("x" * 300, "this is not a host name"),
        ("no-such-host.invalid", "known|resolution"),
    ],
)
def test_an_address_that_is_not_ours_is_refused_in_one_line(host: str, reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason) as refused, listening(host, 0, []):
        pass
    assert len(str(refused.value).splitlines()) == 1


@pytest.mark.parametrize("host", ["::1", "[::1]"])
def test_an_address_of_the_sixth_version_of_ip_is_served(host: str) -> None:
    with listening(host, 0, probes(is_healthy=lambda: True, is_ready=lambda: True)) as url:
        assert url.startswith("http://[::1]:")
        assert answer(f"{url}/healthz") == (200, {"beats": True})
