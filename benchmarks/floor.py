"""The least that reading pages costs: GET each with `requests`, parse it with orjson, keep nothing."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import orjson
import requests


def main() -> None:
    """Read what stdin names: `headers`, `pages`, and over how many `connections`; print how many records came."""
    asked = json.load(sys.stdin)
    if asked["connections"] == 1:
        session = _session(asked["headers"])
        print(sum(_records(session, url) for url in asked["pages"]))
        return
    local = threading.local()

    def records(url: str) -> int:
        if not hasattr(local, "session"):
            local.session = _session(asked["headers"])
        return _records(local.session, url)

    with ThreadPoolExecutor(asked["connections"]) as pool:
        print(sum(pool.map(records, asked["pages"])))


def _session(headers: Mapping[str, str]) -> requests.Session:
    session = requests.Session()
    session.headers.update(headers)
    return session


def _records(session: requests.Session, url: str) -> int:
    return len(orjson.loads(session.get(url).content))


if __name__ == "__main__":
    main()
