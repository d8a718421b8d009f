"""The ledger: runs, and within a run the sweeps of every (stream, scope), their progress and verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import NamedTuple

from sync_worker.errors import DatabaseLostError
from sync_worker.model import Counts, Outcome, Scope, Verdict, Window
from sync_worker.state.executor import Executor, Parameter
from sync_worker.state.instants import to_text
from sync_worker.state.queries import queries

ABANDONED = "the process ended without finishing"
"""What is said of a run whose process was killed."""


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
        """As named parameters."""
        return {"run_id": self.run_id, "stream": self.stream, **self.scope._asdict()}


class Beside(NamedTuple):
    """What tells the runs that go on beside one: those under way at an instant, as JSON, and the last run there was."""

    under_way: Parameter = "[]"
    last: Parameter = None


class PageCounts(NamedTuple):
    """What one page adds to the progress of its sweep."""

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


@dataclass(frozen=True, slots=True)
class ScopeResult:
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


def open_run(executor: Executor, run: RunRow) -> None:
    """Write a run that begins."""
    executor.execute(
        queries()["open_run"],
        {
            "run_id": run.run_id,
            "job": run.job,
            "trigger": run.trigger,
            "started_at": to_text(run.started_at),
            "scheduled_at": to_text(run.scheduled_at) if run.scheduled_at else None,
        },
    )


def record_plan(executor: Executor, run_id: str, ahead: int) -> None:
    """Write that so many partitions are ahead of a run, for whoever follows it."""
    executor.execute(queries()["record_plan"], {"run_id": run_id, "ahead": ahead})


def close_run(
    executor: Executor,
    run_id: str,
    outcome: Outcome,
    *,
    finished_at: datetime,
    error: str | None,
    failure: BaseException | None = None,
) -> None:
    """Write how a run ended and the sums of its scopes; the first outcome stands.

    Of `failure` its group is kept, by which whoever followed the run ends as it would have ended here.
    """
    executor.execute(
        queries()["close_run"],
        {
            "run_id": run_id,
            "outcome": outcome,
            "finished_at": to_text(finished_at),
            "error": error,
        },
    )
    if failure is not None:
        executor.execute(queries()["record_failure"], {"run_id": run_id, "failure": type(failure).__name__})


def close_abandoned_runs(executor: Executor, finished_at: datetime) -> None:
    """Close runs whose process was killed; only who holds the database knows that none is alive."""
    for (run_id,) in executor.execute(queries()["unfinished_runs"]):
        close_run(executor, str(run_id), Outcome.INTERRUPTED, finished_at=finished_at, error=ABANDONED)


def note_beside(executor: Executor, run_id: str) -> Beside:
    """Note which runs go on beside one now."""
    ((under_way, last),) = executor.execute(queries()["runs_under_way_beside"], {"run_id": run_id})
    return Beside(under_way, last)


def run_ids_beside(executor: Executor, run_id: str, beside: Beside) -> list[str]:
    """The runs that have gone on beside one since that was noted."""
    rows = executor.execute(queries()["runs_since_beside"], {"run_id": run_id, **beside._asdict()})
    return [str(found) for (found,) in rows]


def open_scope(executor: Executor, key: ScopeKey, window: Window, started_at: datetime) -> None:
    """Write that the sweep of a scope begins, and over which window.

    Raises `DatabaseLostError` when the ledger does not know the run: what this run read of it is of another content.
    """
    if not executor.execute(queries()["run_progress"], {"run_id": key.run_id}):
        raise unknown_run(key.run_id)
    parameters = key.parameters() | _as_parameters(window) | {"started_at": to_text(started_at)}
    executor.execute(queries()["open_scope"], parameters)


def widen_scope(executor: Executor, key: ScopeKey, window: Window) -> None:
    """Write that a sweep reads over another window than it was opened for."""
    executor.execute(queries()["widen_scope"], key.parameters() | _as_parameters(window))


def _as_parameters(window: Window) -> dict[str, Parameter]:
    return {"window_from": to_text(window.start) if window.start else None, "window_to": to_text(window.end)}


def record_page(executor: Executor, key: ScopeKey, counts: PageCounts) -> None:
    """Add a page to the progress of its sweep."""
    executor.execute(queries()["record_page"], key.parameters() | counts._asdict())


def restart_scope(executor: Executor, key: ScopeKey, before: ScopeCounts = NOTHING_COUNTED) -> None:
    """Begin another sweep of the same scope, or of the part of it that began with `before` counted."""
    counted = {"rows_seen": before.rows_seen, "distinct_keys": before.distinct_keys}
    executor.execute(queries()["restart_scope"], key.parameters() | counted)
    if before is NOTHING_COUNTED:
        executor.execute(queries()["forget_quarantined"], key.parameters())
        executor.execute(queries()["forget_set_aside"], key.parameters())


def was_read_whole(executor: Executor, key: ScopeKey) -> bool:
    """Return True if this run has read all of that (stream, scope), and proven it complete."""
    return bool(executor.execute(queries()["was_read_whole"], key.parameters()))


def scope_counts(executor: Executor, key: ScopeKey) -> ScopeCounts:
    """What a sweep has counted so far; raises `DatabaseLostError` when the ledger does not know it."""
    rows = executor.execute(queries()["scope_counts"], key.parameters())
    if not rows:
        raise unknown_run(key.run_id)
    ((seen, distinct, inserted, updated),) = rows
    counts = (int(value or 0) for value in (seen, distinct, inserted, updated, _quarantined(executor, key)))
    return ScopeCounts(*counts)


def _quarantined(executor: Executor, key: ScopeKey) -> int:
    ((found,),) = executor.execute(queries()["read_set_aside"], key.parameters())
    return int(found or 0)


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
    """Write the verdict of a scope; None when it was interrupted."""
    executor.execute(
        queries()["close_scope"],
        key.parameters()
        | {
            "verdict": verdict,
            "total": total,
            "requests": requests,
            "error": error,
            "finished_at": to_text(finished_at),
            "quarantined": _quarantined(executor, key),
            "deleted": deleted,
        },
    )
    if verdict is not None:
        executor.execute(queries()["note_latest_scope"], key.parameters())


def run_scopes(executor: Executor, run_id: str) -> list[ScopeResult]:
    """The lines of a run in the order they began."""
    rows: Sequence[Sequence[object]] = executor.execute(queries()["run_scopes"], {"run_id": run_id})
    return [ScopeResult(*row) for row in rows]  # type: ignore[arg-type]  # the statement lists them in this order


def run_totals(executor: Executor, run_id: str) -> RunTotals:
    """A run in sum; raises `DatabaseLostError` when the ledger does not know it."""
    rows = executor.execute(queries()["run_totals"], {"run_id": run_id})
    if not rows:
        raise unknown_run(run_id)
    ((outcome, requests, *counted, error, failure),) = rows
    changes = Counts(*(int(value or 0) for value in counted))
    texts = (str(value) if value else None for value in (error, failure))
    return RunTotals(Outcome(str(outcome)), int(requests or 0), changes, *texts)


def as_json(result: ScopeResult) -> dict[str, object]:
    """A line as `run --json` prints it."""
    return asdict(result)
