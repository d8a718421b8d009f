"""What the ledger tells to people who look: runs, the last verdict of every scope, checkpoints."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple, cast

from sync_worker.model import Outcome, Scope, Verdict
from sync_worker.state.executor import Executor, Parameter
from sync_worker.state.instants import CLOCKS_AGREE, to_text
from sync_worker.state.ledger import ABANDONED
from sync_worker.state.queries import queries


class RunLine(NamedTuple):
    """A run as the ledger has it; instants as they are written there."""

    run_id: str
    job: str
    trigger: str
    scheduled_at: str | None
    started_at: str | None
    finished_at: str | None
    outcome: str | None
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
    started_at: str
    partitions: int | None
    scopes_begun: int
    scopes_finished: int
    rows_seen: int
    requests: int
    moved_at: str | None


class LatestScope(NamedTuple):
    """The last verdict of one (stream, scope), and its high-water mark."""

    stream: str
    company_id: int | None
    project_id: int | None
    verdict: str
    error: str | None
    run_id: str
    finished_at: str
    mark: str | None


class LastReading(NamedTuple):
    """What the last reading of one (stream, scope) came to, and its high-water mark if it was ever complete."""

    verdict: str
    requests: int
    finished_at: str
    mark: str | None

    @property
    def is_read(self) -> bool:
        """Whether all of it, or nearly, was read."""
        return self.verdict in (Verdict.COMPLETE, Verdict.INEXACT)


class CheckpointLine(NamedTuple):
    """A checkpoint as it is stored."""

    stream: str
    company_id: int | None
    project_id: int | None
    mark: str
    completed_at: str
    run_id: str


def latest_runs(executor: Executor, most: int) -> list[RunLine]:
    """The runs that wait, then those that began last, newest first."""
    return [RunLine(*row) for row in _rows(executor, "latest_runs", most=most)]


def find_run(executor: Executor, run_id: str) -> RunLine | None:
    """One run, if there is one of that id."""
    return next((RunLine(*row) for row in _rows(executor, "find_run", run_id=run_id)), None)


def with_current_state(run: RunLine, *, held: bool) -> RunLine:
    """A run as it is seen now: where nobody holds the database, one that has not ended was cut short."""
    if held or run.started_at is None or run.outcome is not None:
        return run
    return run._replace(outcome=Outcome.INTERRUPTED, error=ABANDONED)


def runs_ended_since(executor: Executor, since: str) -> list[RunLine]:
    """The runs that ended at that instant or later."""
    return [RunLine(*row) for row in _rows(executor, "runs_ended_since", since=since)]


def runs_under_way(executor: Executor) -> list[RunUnderWay]:
    """The runs that began and have not ended."""
    return [RunUnderWay(*row) for row in _rows(executor, "runs_under_way")]


def latest_scopes(executor: Executor) -> list[LatestScope]:
    """Where every (stream, scope) that was ever read stands now."""
    return [LatestScope(*row) for row in _rows(executor, "latest_scopes")]


def last_readings(executor: Executor) -> dict[tuple[str, Scope], LastReading]:
    """The last reading of every (stream, scope)."""
    rows = _rows(executor, "last_readings")
    return {(stream, Scope(company, project)): LastReading(*last) for stream, company, project, *last in rows}


def all_checkpoints(executor: Executor) -> list[CheckpointLine]:
    """Every checkpoint, by stream and scope."""
    return [CheckpointLine(*row) for row in _rows(executor, "all_checkpoints")]


def is_future(mark: str, now: datetime) -> bool:
    """Return whether a mark lies in the future, where only a wrong clock can have put it; a text that is none does."""
    return mark > to_text(now + CLOCKS_AGREE)


def reset_checkpoints(executor: Executor, stream: str, project_id: int | None) -> None:
    """Forget how far a stream was read, in one project or everywhere; the next run reads all of it."""
    for name in ("reset_checkpoints", "reset_rereads", "reset_parents_read", "reset_signals", "reset_refusals"):
        executor.execute(queries()[name], {"stream": stream, "project_id": project_id})


def _rows(executor: Executor, name: str, **parameters: Parameter) -> list[tuple[Any, ...]]:
    # The statements list their columns in the order of the fields.
    return cast("list[tuple[Any, ...]]", executor.execute(queries()[name], parameters))
