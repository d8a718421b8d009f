"""High-water marks per (stream, company, project)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

from sync_worker.model import Scope
from sync_worker.state.executor import Executor
from sync_worker.state.instants import from_text, to_text
from sync_worker.state.queries import queries

_NEVER = datetime.max.replace(tzinfo=UTC)


class Checkpoint(NamedTuple):
    """Up to where (stream, scope) is proven complete, when that was proven, by which run, and when that run began.

    The mark never passes the server's clock or our own; the other instants are our own clock's.
    """

    mark: datetime
    completed_at: datetime
    run_id: str
    begun_at: datetime | None = None


def read_checkpoint(executor: Executor, stream: str, scope: Scope) -> Checkpoint | None:
    """The checkpoint of one (stream, scope), or None when it was never complete."""
    rows = executor.execute(queries()["read_checkpoint"], {"stream": stream, **scope._asdict()})
    if not rows:
        return None
    mark, completed_at, run_id, begun_at = rows[0]
    try:
        begun = None if begun_at is None else from_text(str(begun_at))
        return Checkpoint(from_text(str(mark)), from_text(str(completed_at)), str(run_id), begun)
    except ValueError:
        # Somebody wrote here by hand: trusted as little as a mark in the future, and replaced as that is.
        return Checkpoint(_NEVER, _NEVER, str(run_id))


def move_checkpoint(
    executor: Executor, stream: str, scope: Scope, checkpoint: Checkpoint, *, may_go_back: bool = False
) -> None:
    """Store a checkpoint; the mark goes back only where the one that is stored was found to be wrong."""
    executor.execute(
        queries()["move_checkpoint"],
        {
            "stream": stream,
            **scope._asdict(),
            "mark": to_text(checkpoint.mark),
            "completed_at": to_text(checkpoint.completed_at),
            "run_id": checkpoint.run_id,
            "may_go_back": int(may_go_back),
        },
    )
