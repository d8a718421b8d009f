"""Progress of a run, read by a process that does not execute it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

from sync_worker.model import Outcome, Verdict
from sync_worker.state.executor import Executor
from sync_worker.state.ledger import unknown_run
from sync_worker.state.rows import fetch, fetch_one

_BEGINNING = datetime(1, 1, 1, tzinfo=UTC)


class RunSoFar(NamedTuple):
    """The progress of a run; `partitions` is None until their number is known."""

    started_at: datetime | None
    outcome: Outcome | None
    error: str | None
    partitions: int | None
    rows_seen: int


class FinishedScope(NamedTuple):
    """One (stream, scope) of a run that has ended; without a verdict it was interrupted."""

    stream: str
    company_id: int | None
    project_id: int | None
    verdict: Verdict | None
    error: str | None
    requests: int
    finished_at: datetime


def run_so_far(executor: Executor, run_id: str) -> RunSoFar:
    """Return the progress of a run; raises `DatabaseLostError` when the ledger does not know it."""
    found = fetch_one(executor, RunSoFar, "run_so_far", run_id=run_id)
    if found is None:
        raise unknown_run(run_id)
    return found


def scopes_finished(executor: Executor, run_id: str, since: datetime | None = None) -> list[FinishedScope]:
    """Return the scopes of a run that ended at `since` or later, by default all, in the order in which they ended."""
    return fetch(executor, FinishedScope, "scopes_finished", run_id=run_id, since=since or _BEGINNING)
