"""High-water marks per (stream, company, project)."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sync_worker.model import Scope
from sync_worker.state.executor import Executor
from sync_worker.state.instants import from_text, mark_from
from sync_worker.state.queries import queries
from sync_worker.state.rows import execute
from sync_worker.state.scopes import scope_parameters


class Checkpoint(NamedTuple):
    """Up to where (stream, scope) is proven complete, when that was proven, by which run, and when that run began.

    The mark never passes the server's clock or our own; the other instants are our own clock's.
    """

    mark: datetime
    completed_at: datetime
    run_id: str
    begun_at: datetime | None = None


def read_checkpoint(executor: Executor, stream: str, scope: Scope) -> Checkpoint | None:
    """Return the checkpoint of one (stream, scope), None if it was never complete."""
    rows = executor.execute(queries()["read_checkpoint"], {"stream": stream, **scope_parameters(scope)})
    if not rows:
        return None
    mark, completed_at, run_id, begun_at = rows[0]
    return Checkpoint(mark_from(mark), mark_from(completed_at), run_id, begun_at and from_text(begun_at))


def move_checkpoint(
    executor: Executor, stream: str, scope: Scope, checkpoint: Checkpoint, *, may_go_back: bool = False
) -> None:
    """Store a checkpoint; the mark goes back only where the one that is stored was found to be wrong."""
    where = scope_parameters(scope)
    execute(executor, "move_checkpoint", stream=stream, **where, **checkpoint._asdict(), may_go_back=may_go_back)
