"""The ledger for people to read: runs, the last verdict of every scope, checkpoints."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sync_worker.model import Outcome, Scope, Verdict
from sync_worker.state.executor import Executor
from sync_worker.state.instants import CLOCKS_AGREE, mark_from
from sync_worker.state.ledger import ABANDONED
from sync_worker.state.queries import queries
from sync_worker.state.rows import execute, fetch, fetch_one, typed


class RunLine(NamedTuple):
    """A run as the ledger has it."""

    run_id: str
    job: str
    trigger: str
    scheduled_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    outcome: Outcome | None
    requests: int
    rows_seen: int
    inserted: int
    updated: int
    unchanged: int
    deleted: int
    quarantined: int
    error: str | None


class RunUnderWay(NamedTuple):
    """A run that has not ended: scopes it began and finished so far; `moved_at` is when the last of them did either.

    `partitions` is how many scopes it has in all, None as long as it does not know.
    """

    run_id: str
    job: str
    trigger: str
    started_at: datetime
    partitions: int | None
    scopes_begun: int
    scopes_finished: int
    rows_seen: int
    requests: int
    moved_at: datetime | None


class LatestScope(NamedTuple):
    """The last verdict of one (stream, scope), and its high-water mark if it was ever complete."""

    stream: str
    company_id: int | None
    project_id: int | None
    verdict: Verdict
    error: str | None
    run_id: str
    requests: int
    finished_at: datetime
    mark: datetime | None

    @property
    def scope(self) -> Scope:
        """The company and the project."""
        return Scope(self.company_id, self.project_id)

    @property
    def is_read(self) -> bool:
        """True if all of it, or nearly, was read."""
        return self.verdict in (Verdict.COMPLETE, Verdict.INEXACT)


class CheckpointLine(NamedTuple):
    """A checkpoint as it is stored."""

    stream: str
    company_id: int | None
    project_id: int | None
    mark: datetime
    completed_at: datetime
    run_id: str


def latest_runs(executor: Executor, most: int) -> list[RunLine]:
    """Return the runs that wait, then those that began last, newest first."""
    return fetch(executor, RunLine, "latest_runs", most=most)


def find_run(executor: Executor, run_id: str) -> RunLine | None:
    """Return one run, None if there is none of that id."""
    return fetch_one(executor, RunLine, "find_run", run_id=run_id)


def with_current_state(line: RunLine, *, held: bool) -> RunLine:
    """Return a run as it is seen now: if no process holds the database, one that has not ended was cut short."""
    if held or line.started_at is None or line.outcome is not None:
        return line
    return line._replace(outcome=Outcome.INTERRUPTED, error=ABANDONED)


def runs_ended_since(executor: Executor, since: datetime) -> list[RunLine]:
    """Return the runs that ended at that instant or later."""
    return fetch(executor, RunLine, "runs_ended_since", since=since)


def runs_under_way(executor: Executor) -> list[RunUnderWay]:
    """Return the runs that began and have not ended."""
    return fetch(executor, RunUnderWay, "runs_under_way")


def latest_scopes(executor: Executor) -> list[LatestScope]:
    """Return where every (stream, scope) that was ever read stands now."""
    rows = executor.execute(queries()["latest_scopes"])
    return typed([(*line, mark and mark_from(mark)) for *line, mark in rows], LatestScope)


def companies_read(executor: Executor) -> list[int]:
    """Return the companies of which any list was ever read."""
    return sorted({line.company_id for line in latest_scopes(executor) if line.company_id is not None})


def latest_by_scope(executor: Executor) -> dict[tuple[str, Scope], LatestScope]:
    """Return the last verdict of every (stream, scope) that was ever read."""
    return {(line.stream, Scope(line.company_id, line.project_id)): line for line in latest_scopes(executor)}


def all_checkpoints(executor: Executor) -> list[CheckpointLine]:
    """Return every checkpoint, by stream and scope."""
    rows = executor.execute(queries()["all_checkpoints"])
    return [
        CheckpointLine(stream, company_id, project_id, mark_from(mark), mark_from(completed_at), run_id)
        for stream, company_id, project_id, mark, completed_at, run_id in rows
    ]


def is_future(mark: datetime, now: datetime) -> bool:
    """Return True if a mark lies in the future, where only a wrong clock can have put it."""
    return mark > now + CLOCKS_AGREE


def reset_checkpoints(executor: Executor, stream: str, project_id: int | None) -> None:
    """Forget how far a stream was read, in one project or everywhere; the next run reads all of it."""
    for name in ("reset_checkpoints", "reset_last_reads", "reset_parents", "reset_refusals"):
        execute(executor, name, stream=stream, project_id=project_id)
