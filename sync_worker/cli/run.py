"""`sync-worker run`: jobs or streams, now."""

from __future__ import annotations

import click

from sync_worker.cli.context import CliContext, pass_cli
from sync_worker.cli.stopping import stopped_at_once
from sync_worker.errors import ConfigurationError


@click.command(
    epilog="""\b
Examples:
  sync-worker run sync_field
  sync-worker run --streams 'rfis,*_logs' --project 101
  sync-worker run --all --dry-run"""
)
@click.argument("jobs", nargs=-1, metavar="[JOB]...")
@click.option("--all", "every_job", is_flag=True, help="Run all jobs that read.")
@click.option("--streams", metavar="S[,S]...", help="Read these streams: names, globs, tag:NAME.")
@click.option("--project", "projects", type=int, multiple=True, metavar="ID", help="Only this project; repeatable.")
@click.option("--full-refresh", is_flag=True, help="List everything, whatever was read before.")
@click.option("--no-wait", is_flag=True, help="End with 4 instead of waiting for the allowance.")
@click.option("--dry-run", is_flag=True, help="Say what would be asked, by what is stored; ask and write nothing.")
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
    from sync_worker.cli.running import DONE, run_and_tell
    from sync_worker.jobs import run_request, runnable_jobs, runnable_reports

    settings = cli.load_settings()
    reports = runnable_reports(settings)
    if any(job in reports for job in jobs):
        if streams or every_job or full_refresh or no_wait or dry_run or not all(job in reports for job in jobs):
            raise ConfigurationError("reports are run apart from what reads: `sync-worker run` with their names alone")
        run_reports(cli, settings, {job: reports[job] for job in jobs}, projects)
        return DONE
    request = run_request(runnable_jobs(settings), jobs, streams, every_job=every_job)
    request = request._replace(
        projects=projects or request.projects, full_refresh=full_refresh, wait_for_rate_limit=not no_wait
    )
    if dry_run:
        from sync_worker.cli.planning import tell_dry_run

        return tell_dry_run(cli, settings, request)
    return run_and_tell(cli, settings, request)
