"""`sync-worker run`: jobs or streams, now; here, or by the daemon that holds the data."""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from sync_worker.cli.console import table
from sync_worker.cli.context import CliContext, pass_cli
from sync_worker.cli.options import full_refresh_option, no_wait_option, projects_option
from sync_worker.cli.signals import STOPPED, stop_on_signals, stopped_at_once
from sync_worker.errors import AllowanceSpent, AuthError, ConfigurationError, LockHeldError, StopRequested
from sync_worker.model import Outcome, RunRequest, Verdict

if TYPE_CHECKING:
    import threading

    from sync_worker.progress import Progress
    from sync_worker.runner.worker import FinishedRun
    from sync_worker.settings import Settings
    from sync_worker.state.ledger import ScopeResult

DONE, INCOMPLETE, UNREADABLE, SPENT = 0, 1, 3, 4
_PROBLEMS_SHOWN = 10


@click.command(
    epilog="""\b
Examples:
  sync-worker run sync_field
  sync-worker run --streams 'rfis,*_logs' --project 101
  sync-worker run --all --dry-run"""
)
@click.argument("jobs", nargs=-1, metavar="[JOB]...")
@click.option("--all", "every_job", is_flag=True, help="Run all jobs in force, without the reports.")
@click.option("--streams", metavar="S[,S]...", help="Read these streams instead: names, globs, tag:NAME.")
@projects_option
@full_refresh_option
@no_wait_option
@click.option("--dry-run", is_flag=True, help="Show what would be read and what it costs; read and write nothing.")
@pass_cli
@stopped_at_once()
def command(
    cli: CliContext,
    jobs: tuple[str, ...],
    streams: str | None,
    projects: tuple[int, ...],
    *,
    every_job: bool,
    full_refresh: bool,
    no_wait: bool,
    dry_run: bool,
) -> int:
    """Run jobs or streams now."""
    from sync_worker.cli.report import run_reports
    from sync_worker.jobs import run_request, runnable_jobs, runnable_reports

    settings = cli.load_settings()
    reports = runnable_reports(settings)
    if any(job in reports for job in jobs):
        if streams or every_job or full_refresh or no_wait or dry_run or not all(job in reports for job in jobs):
            raise ConfigurationError(
                "reports cannot be run together with jobs that read; run them with only their names"
            )
        run_reports(cli, settings, {job: reports[job] for job in jobs}, projects)
        return DONE
    request = run_request(runnable_jobs(settings), jobs, streams, every_job=every_job)
    request = request._replace(
        projects=projects or request.projects, full_refresh=full_refresh, wait_for_rate_limit=not no_wait
    )
    if dry_run:
        from sync_worker.app import forecast_requests
        from sync_worker.cli.forecast import dry_run_as_json, dry_run_lines

        outlook = forecast_requests(settings, [request], clock=cli.clock)
        print(json.dumps(dry_run_as_json(outlook), indent=2) if cli.json else "\n".join(dry_run_lines(outlook)))
        return DONE
    return run_and_print(cli, settings, request)


def run_and_print(cli: CliContext, settings: Settings, request: RunRequest) -> int:
    """Run a request, print the result, and return the exit code."""
    from sync_worker.cli.progress import shown_progress
    from sync_worker.logs import redactor

    began = cli.clock.monotonic()
    with stop_on_signals() as stop, shown_progress(cli) as progress:
        report = _run(cli, settings, request, stop, progress)
    seconds = cli.clock.monotonic() - began
    if cli.json:
        print(json.dumps(_as_json(report, seconds)))
    elif report.failure is None or report.totals.rows.seen:
        print("\n".join(_text_lines(report, seconds)))
    if report.failure is not None:
        lead = "stopped" if isinstance(report.failure, StopRequested) else "error"
        print(redactor.text(f"{lead}: {report.failure}"), file=sys.stderr)
    return exit_code(report)


def _run(
    cli: CliContext, settings: Settings, request: RunRequest, stop: threading.Event, progress: Progress
) -> FinishedRun:
    """Run a request in this process, or by the daemon if one holds the database."""
    from sync_worker.app import open_worker
    from sync_worker.engine.handoff import DAEMON, run_by_daemon
    from sync_worker.logs import redactor

    try:
        with open_worker(
            settings, stop=stop, on_new_secret=redactor.add_token, clock=cli.clock, progress=progress
        ) as worker:
            return worker.run(request)
    except LockHeldError as held:
        if not held.holder.startswith(DAEMON):
            raise
    return run_by_daemon(settings, request, stop=stop, clock=cli.clock, progress=progress)


def exit_code(report: FinishedRun) -> int:
    """Return the exit code for a finished run; docs/commands.md lists them."""
    from sync_worker.runner.run import deciding_verdicts

    if isinstance(report.failure, AllowanceSpent):
        return SPENT
    if isinstance(report.failure, StopRequested):
        return STOPPED
    if report.totals.outcome is Outcome.SUCCEEDED:
        return DONE
    verdicts = deciding_verdicts(report.scopes)
    nothing_read = verdicts.isdisjoint({Verdict.COMPLETE, Verdict.INEXACT})
    refused = isinstance(report.failure, AuthError) or verdicts == {Verdict.NOT_PERMITTED}
    return UNREADABLE if nothing_read and refused else INCOMPLETE


def _as_json(report: FinishedRun, seconds: float) -> dict[str, object]:
    return {
        "run_id": report.run_id,
        "outcome": report.totals.outcome,
        "seconds": round(seconds, 3),
        "requests": report.totals.requests,
        "rows": asdict(report.totals.rows),
        "streams": [scope._asdict() for scope in report.scopes],
    }


def _text_lines(report: FinishedRun, seconds: float) -> Iterator[str]:
    """Return a line for each stream, then what is not complete, then the run in one line."""
    from sync_worker.cli.runs import problem_text

    if report.scopes:
        yield from _stream_lines(report.scopes)
    incomplete = [scope for scope in report.scopes if scope.verdict not in (None, Verdict.COMPLETE)]
    yield from map(problem_text, incomplete[:_PROBLEMS_SHOWN])
    if len(incomplete) > _PROBLEMS_SHOWN:
        yield f"… and {len(incomplete) - _PROBLEMS_SHOWN} more; --json lists them all"
    rows = report.totals.rows
    yield (
        f"{report.totals.outcome}: {rows.seen} rows seen, {rows.inserted} inserted, {rows.updated} updated, "
        f"{rows.unchanged} unchanged, {report.totals.requests} calls, {seconds:.1f} s (run {report.run_id})"
    )


def _stream_lines(scopes: Sequence[ScopeResult]) -> Iterator[str]:
    by_stream: dict[str, list[ScopeResult]] = defaultdict(list)
    for scope in scopes:
        by_stream[scope.stream].append(scope)
    rows = [
        (
            stream,
            f"{sum(scope.verdict == Verdict.COMPLETE for scope in found)}/{len(found)}",
            sum(scope.rows_seen for scope in found),
            sum(scope.inserted for scope in found),
            sum(scope.updated for scope in found),
            sum(scope.requests for scope in found),
        )
        for stream, found in by_stream.items()
    ]
    return table(("stream", "complete", "seen", "inserted", "updated", "calls"), rows)
