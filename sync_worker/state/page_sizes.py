"""The largest page that each list was found to give."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sync_worker.state.executor import Executor
from sync_worker.state.queries import queries
from sync_worker.state.rows import execute


def read_page_sizes(executor: Executor, since: datetime) -> Mapping[str, int]:
    """Return the largest pages that were learned since then, by stream."""
    return dict(executor.execute(queries()["read_page_sizes"], {"since": since}))


def record_page_size(executor: Executor, stream: str, per_page: int, at: datetime) -> None:
    """Store the largest page of a stream's list."""
    execute(executor, "record_page_size", stream=stream, per_page=per_page, learned_at=at)
