"""A finished run as people and programs read it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from sync_worker.model import Verdict
from sync_worker.runner.worker import FinishedRun
from sync_worker.state.ledger import ScopeResult

_PROBLEMS_SHOWN = 10


def report_as_json(report: FinishedRun, seconds: float) -> dict[str, object]:
    """The one object that `run --json` prints."""
    return {
        "run_id": report.run_id,
        "outcome": report.totals.outcome,
        "seconds": round(seconds, 3),
        "requests": report.totals.requests,
        "rows": asdict(report.totals.rows),
        "streams": [scope._asdict() for scope in report.scopes],
    }


def report_as_text(report: FinishedRun, seconds: float) -> str:
    """A line for each stream, then what is not complete, then the run in one line."""
    return "\n".join((*_stream_lines(report.scopes), *_problem_lines(report.scopes), _last_line(report, seconds)))


def _stream_lines(scopes: Sequence[ScopeResult]) -> Iterator[str]:
    by_stream: dict[str, list[ScopeResult]] = defaultdict(list)
    for scope in scopes:
        by_stream[scope.stream].append(scope)
    width = max(map(len, by_stream), default=0)
    if by_stream:
        yield f"{'stream':{width}}  {'complete':>9}  {'seen':>8}  {'inserted':>8}  {'updated':>8}  {'calls':>6}"
    for stream, found in by_stream.items():
        complete = f"{sum(scope.verdict == Verdict.COMPLETE for scope in found)}/{len(found)}"
        numbers = "  ".join(
            f"{sum(getattr(scope, name) for scope in found):>{size}}"
            for name, size in (("rows_seen", 8), ("inserted", 8), ("updated", 8), ("requests", 6))
        )
        yield f"{stream:{width}}  {complete:>9}  {numbers}"


def _problem_lines(scopes: Sequence[ScopeResult]) -> Iterator[str]:
    incomplete = [scope for scope in scopes if scope.verdict not in (None, Verdict.COMPLETE)]
    for scope in incomplete[:_PROBLEMS_SHOWN]:
        where = f"project {scope.project_id}" if scope.project_id else f"company {scope.company_id or '-'}"
        yield f"{scope.verdict}: {scope.stream}, {where}: {scope.error}"
    if len(incomplete) > _PROBLEMS_SHOWN:
        yield f"… and {len(incomplete) - _PROBLEMS_SHOWN} more; --json lists them all"


def _last_line(report: FinishedRun, seconds: float) -> str:
    rows = report.totals.rows
    return (
        f"{report.totals.outcome}: {rows.seen} rows seen, {rows.inserted} inserted, {rows.updated} updated, "
        f"{rows.unchanged} unchanged, {report.totals.requests} calls, {seconds:.1f} s (run {report.run_id})"
    )
