"""The largest page that each list was found to give."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sync_worker.state.executor import Executor
from sync_worker.state.instants import to_text
from sync_worker.state.queries import queries


def read_page_sizes(executor: Executor, since: datetime) -> Mapping[str, int]:
    """What was learned since then, by stream."""
    rows = executor.execute(queries()["read_page_sizes"], {"since": to_text(since)})
    return {str(stream): int(per_page or 0) for stream, per_page in rows}


def record_page_size(executor: Executor, stream: str, per_page: int, at: datetime) -> None:
    """Store the largest page of a stream's list."""
    given: dict[str, str | int | bool | None] = {"stream": stream, "per_page": per_page, "learned_at": to_text(at)}
    executor.execute(queries()["record_page_size"], given)
