"""A client for tests of the simulator, independent of the project's own client."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import requests

from procore_simulator.server import Simulator


class Caller:
    """A client of the simulator's socket; it sends a token and a company by default."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator
        self.session = requests.Session()
        self.session.trust_env = False
        self.headers: dict[str, str] = {"Procore-Company-Id": str(simulator.company_id)}
        self.log_in()

    def log_in(self) -> None:
        self.headers["Authorization"] = f"Bearer {self.token().json()['access_token']}"

    def token(self, **changes: str) -> requests.Response:
        form = {
            "grant_type": "client_credentials",
            "client_id": self.simulator.client_id,
            "client_secret": self.simulator.client_secret,
        }
        return self.session.post(f"{self.simulator.url}/oauth/token", data=form | changes, timeout=60)

    def get(self, path: str, query: dict[str, Any] | None = None, **headers: str | None) -> requests.Response:
        sent = {**self.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        url = path if path.startswith("http") else self.simulator.url + path
        return self.session.get(url, params=query, headers=sent, timeout=60)

    def post(self, path: str, content: dict[str, Any] | None = None) -> Any:
        answer = self.session.post(self.simulator.url + path, json=content or {}, timeout=60)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def pages(self, path: str, query: dict[str, Any] | None = None) -> list[requests.Response]:
        found = [self.get(path, query)]
        while "next" in found[-1].links:
            found.append(self.get(found[-1].links["next"]["url"]))
        return found

    def rows(self, path: str, query: dict[str, Any] | None = None) -> list[Any]:
        bodies = [page.json() for page in self.pages(path, query)]
        return [row for body in bodies for row in (body["data"] if isinstance(body, dict) else body)]


Start = Callable[..., Caller]
"""A function that starts a simulator, with a world or the default one, and returns a caller."""
