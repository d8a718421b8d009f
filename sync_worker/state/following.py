"""How far a run is, for whoever follows it beside the process that executes it."""

from __future__ import annotations

from typing import Any, NamedTuple, cast

from sync_worker.state.executor import Executor
from sync_worker.state.ledger import unknown_run
from sync_worker.state.queries import queries


class RunSoFar(NamedTuple):
    """A run on its way; `partitions` is None until it is known how many there are."""

    started_at: str | None
    outcome: str | None
    error: str | None
    partitions: int | None
    rows_seen: int


class FinishedScope(NamedTuple):
    """One (stream, scope) of a run that has ended; without a verdict it was interrupted."""

    stream: str
    company_id: int | None
    project_id: int | None
    verdict: str | None
    error: str | None
    requests: int
    finished_at: str


def run_so_far(executor: Executor, run_id: str) -> RunSoFar:
    """How far a run is; raises `DatabaseLostError` when the ledger does not know it."""
    rows = cast("list[tuple[Any, ...]]", executor.execute(queries()["run_so_far"], {"run_id": run_id}))
    if not rows:
        raise unknown_run(run_id)
    return RunSoFar(*rows[0])


def scopes_finished(executor: Executor, run_id: str, since: str) -> list[FinishedScope]:
    """The scopes of a run that ended at `since` or later, the first ones first; an empty `since` is the beginning."""
    rows = executor.execute(queries()["scopes_finished"], {"run_id": run_id, "since": since})
    return [FinishedScope(*row) for row in cast("list[tuple[Any, ...]]", rows)]
