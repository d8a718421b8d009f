"""The minimum cost of reading pages: GET each with `requests`, parse it with orjson, keep nothing."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import orjson
import requests


def main() -> None:
    """Read the `pages` named on stdin with its `headers` and `connections`; print the number of records."""
    job = json.load(sys.stdin)
    if job["connections"] == 1:
        session = _session(job["headers"])
        print(sum(_records(session, url) for url in job["pages"]))
        return
    local = threading.local()

    def records(url: str) -> int:
        if not hasattr(local, "session"):
            local.session = _session(job["headers"])
        return _records(local.session, url)

    with ThreadPoolExecutor(job["connections"]) as pool:
        print(sum(pool.map(records, job["pages"])))


def _session(headers: Mapping[str, str]) -> requests.Session:
    session = requests.Session()
    session.headers.update(headers)
    return session


def _records(session: requests.Session, url: str) -> int:
    return len(orjson.loads(session.get(url).content))


if __name__ == "__main__":
    main()
