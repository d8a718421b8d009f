"""High-water marks per (stream, company, project)."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sync_worker.model import Scope
from sync_worker.state.executor import Executor
from sync_worker.state.instants import from_text, to_text
from sync_worker.state.queries import queries


class Checkpoint(NamedTuple):
    """Up to where (stream, scope) is proven complete, when that was proven and by which run."""

    mark: datetime
    completed_at: datetime
    run_id: str


def read_checkpoint(executor: Executor, stream: str, scope: Scope) -> Checkpoint | None:
    """The checkpoint of one (stream, scope), or None when it was never complete."""
    rows = executor.execute(queries()["read_checkpoint"], {"stream": stream, **scope._asdict()})
    if not rows:
        return None
    mark, completed_at, run_id = (str(value) for value in rows[0])
    return Checkpoint(from_text(mark), from_text(completed_at), run_id)


def move_checkpoint(executor: Executor, stream: str, scope: Scope, checkpoint: Checkpoint) -> None:
    """Store a checkpoint; the mark never goes back."""
    executor.execute(
        queries()["move_checkpoint"],
        {
            "stream": stream,
            **scope._asdict(),
            "mark": to_text(checkpoint.mark),
            "completed_at": to_text(checkpoint.completed_at),
            "run_id": checkpoint.run_id,
        },
    )
