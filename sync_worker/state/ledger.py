"""The ledger: runs, and within a run the sweeps of every (stream, scope), their progress and verdicts."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sync_worker.errors import DatabaseLostError
from sync_worker.model import Counts, Outcome, Scope, Verdict, Window
from sync_worker.state.executor import Executor, Parameter
from sync_worker.state.queries import queries
from sync_worker.state.rows import execute, fetch, fetch_one
from sync_worker.state.scopes import scope_parameters

ABANDONED = "the process ended without finishing"
"""The error of a run whose process was killed."""


def unknown_run(run_id: str) -> DatabaseLostError:
    """Return the error for a run that its own database does not know: a backup was restored into it meanwhile."""
    return DatabaseLostError(
        f"the database does not know run {run_id} any more: its content was replaced by another one's; run it again"
    )


class RunRow(NamedTuple):
    """A run as it is opened; `trigger` says who asked: manual, schedule, catch_up or backfill."""

    run_id: str
    job: str
    trigger: str
    started_at: datetime
    scheduled_at: datetime | None = None


class ScopeKey(NamedTuple):
    """Identifies the sweep of one (stream, scope) within a run."""

    run_id: str
    stream: str
    scope: Scope

    def parameters(self) -> dict[str, Parameter]:
        """Return them as named parameters."""
        return {"run_id": self.run_id, "stream": self.stream, **scope_parameters(self.scope)}


class PageCounts(NamedTuple):
    """The counts that one page adds to the progress of its sweep."""

    rows_seen: int
    distinct_keys: int
    inserted: int
    updated: int


class ScopeCounts(NamedTuple):
    """Progress of a sweep so far."""

    rows_seen: int
    distinct_keys: int
    inserted: int
    updated: int
    quarantined: int


NOTHING_COUNTED = ScopeCounts(0, 0, 0, 0, 0)


class ScopeResult(NamedTuple):
    """One line of a finished run: what became of one (stream, scope)."""

    stream: str
    company_id: int | None
    project_id: int | None
    verdict: Verdict | None
    total: int | None
    rows_seen: int
    inserted: int
    updated: int
    unchanged: int
    deleted: int
    requests: int
    error: str | None


class RunTotals(NamedTuple):
    """A finished run in sum; `failure` is the name of the group of errors that ended it, if one did."""

    outcome: Outcome
    requests: int
    rows: Counts
    error: str | None
    failure: str | None = None


def open_run(executor: Executor, row: RunRow) -> None:
    """Write a run that begins."""
    execute(executor, "open_run", **row._asdict())
    # A run that waited in the queue has its number already, with its request.
    execute(executor, "number_run", run_id=row.run_id, request=None)


def record_plan(executor: Executor, run_id: str, ahead: int) -> None:
    """Write how many partitions are ahead of a run, for processes that follow it."""
    execute(executor, "record_plan", run_id=run_id, ahead=ahead)


def close_run(
    executor: Executor,
    run_id: str,
    outcome: Outcome,
    *,
    finished_at: datetime,
    error: str | None,
    failure: BaseException | None = None,
) -> None:
    """Write how a run ended and the sums of its scopes, and release its leases; the first outcome stands.

    The group of `failure` is stored, so that a process that follows the run ends with the same exit code.
    """
    execute(executor, "close_run", run_id=run_id, outcome=outcome, finished_at=finished_at, error=error)
    execute(executor, "release_leases", run_id=run_id)
    if failure is not None:
        execute(executor, "record_failure", run_id=run_id, failure=type(failure).__name__)


def close_abandoned_runs(executor: Executor, finished_at: datetime) -> None:
    """Close runs whose process was killed; only who holds the database knows that none is alive."""
    for (run_id,) in executor.execute(queries()["unfinished_runs"]):
        close_run(executor, run_id, Outcome.INTERRUPTED, finished_at=finished_at, error=ABANDONED)


def open_scope(executor: Executor, key: ScopeKey, window: Window, started_at: datetime) -> None:
    """Write that the sweep of a scope begins, and over which window.

    Raises `DatabaseLostError` when the ledger does not know the run: what this run read of it is of another content.
    """
    if not execute(executor, "run_progress", run_id=key.run_id):
        raise unknown_run(key.run_id)
    period: dict[str, Parameter] = {"window_from": window.start, "window_to": window.end}
    execute(executor, "open_scope", **key.parameters(), **period, started_at=started_at)


def widen_scope(executor: Executor, key: ScopeKey, window: Window) -> None:
    """Write that a sweep reads over another window than it was opened for."""
    execute(executor, "widen_scope", **key.parameters(), window_from=window.start, window_to=window.end)


def record_page(executor: Executor, key: ScopeKey, counts: PageCounts) -> None:
    """Add a page to the progress of its sweep."""
    execute(executor, "record_page", **key.parameters(), **counts._asdict())


def restart_scope(executor: Executor, key: ScopeKey, before: ScopeCounts = NOTHING_COUNTED) -> None:
    """Begin another sweep of the same scope, or of the part of it that began with `before` counted."""
    counted = {"rows_seen": before.rows_seen, "distinct_keys": before.distinct_keys}
    execute(executor, "restart_scope", **key.parameters(), **counted)
    # A part of a backfill meets only its own records again: those of the parts before stay quarantined.
    if before is NOTHING_COUNTED:
        execute(executor, "forget_quarantined", **key.parameters())
        execute(executor, "forget_set_aside", **key.parameters())


def was_read_whole(executor: Executor, key: ScopeKey) -> bool:
    """Return True if this run has read all of that (stream, scope), and proven it complete."""
    return execute(executor, "was_read_whole", **key.parameters())


def scope_counts(executor: Executor, key: ScopeKey) -> ScopeCounts:
    """Return what a sweep has counted so far; raises `DatabaseLostError` when the ledger does not know it."""
    found = fetch_one(executor, ScopeCounts, "scope_counts", **key.parameters())
    if found is None:
        raise unknown_run(key.run_id)
    return found


def close_scope(
    executor: Executor,
    key: ScopeKey,
    verdict: Verdict | None,
    *,
    total: int | None,
    requests: int,
    error: str | None,
    finished_at: datetime,
    deleted: int = 0,
) -> None:
    """Write the verdict of a scope, None when it was interrupted, and release its lease."""
    ((quarantined,),) = executor.execute(queries()["read_set_aside"], key.parameters())
    execute(
        executor,
        "close_scope",
        **key.parameters(),
        verdict=verdict,
        total=total,
        requests=requests,
        error=error,
        finished_at=finished_at,
        quarantined=quarantined,
        deleted=deleted,
    )
    # In the transaction of the verdict: who comes next plans with the checkpoint that moved in it.
    execute(executor, "release_lease", **key.parameters())
    # An interrupted sweep says nothing about the list, so its last verdict stays.
    if verdict is not None:
        execute(executor, "record_latest_scope", **key.parameters())


def run_scopes(executor: Executor, run_id: str) -> list[ScopeResult]:
    """Return the lines of a run in the order they began."""
    return fetch(executor, ScopeResult, "run_scopes", run_id=run_id)


def run_totals(executor: Executor, run_id: str) -> RunTotals:
    """Return a run in sum; raises `DatabaseLostError` when the ledger does not know it."""
    rows = executor.execute(queries()["run_totals"], {"run_id": run_id})
    if not rows:
        raise unknown_run(run_id)
    ((outcome, error, failure, requests, *counted),) = rows
    return RunTotals(Outcome(outcome), requests, Counts(*counted), error, failure)
