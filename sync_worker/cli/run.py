"""`sync-worker run`: jobs or streams, now."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

import click

from sync_worker.app import Request
from sync_worker.cli.context import CliContext, pass_cli
from sync_worker.cli.forecast import tell_forecast
from sync_worker.cli.jobs import runnable_jobs
from sync_worker.cli.running import run_and_tell
from sync_worker.errors import ConfigurationError
from sync_worker.job import SyncJob


@click.command(
    epilog="""\b
Examples:
  sync-worker run sync_field
  sync-worker run --streams 'rfis,*_logs' --project 101
  sync-worker run --all --dry-run"""
)
@click.argument("jobs", nargs=-1, metavar="[JOB]...")
@click.option("--all", "every_job", is_flag=True, help="Run all jobs.")
@click.option("--streams", metavar="S[,S]...", help="Read these streams: names, globs, tag:NAME.")
@click.option("--project", "projects", type=int, multiple=True, metavar="ID", help="Only this project; repeatable.")
@click.option("--full-refresh", is_flag=True, help="List everything, whatever was read before.")
@click.option("--dry-run", is_flag=True, help="Say what would be asked, by what is stored; ask and write nothing.")
@pass_cli
def command(
    cli: CliContext,
    jobs: tuple[str, ...],
    streams: str | None,
    projects: tuple[int, ...],
    *,
    every_job: bool,
    full_refresh: bool,
    dry_run: bool,
) -> int:
    """Run jobs or streams now."""
    settings = cli.load_settings()
    request = requested(runnable_jobs(settings), jobs, streams, every_job=every_job)
    request = request._replace(projects=projects, full_refresh=full_refresh)
    if dry_run:
        return tell_forecast(cli, settings, request)
    return run_and_tell(cli, settings, request)


def requested(known: Mapping[str, SyncJob], jobs: tuple[str, ...], streams: str | None, *, every_job: bool) -> Request:
    """What the words on the command line ask for; raises `ConfigurationError` for an unknown or a missing choice."""
    if sum(map(bool, (jobs, streams, every_job))) != 1:
        raise ConfigurationError(
            f"say what to run: jobs by name, --all, or --streams; the jobs are {', '.join(known) or 'none'}"
        )
    if streams:
        return Request(streams, [pattern.strip() for pattern in streams.split(",")])
    names = tuple(known) if every_job else jobs
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"the jobs are {', '.join(known) or 'none'}"
            raise ConfigurationError(f"no job is called {name!r}; {hint}")
    return Request(",".join(names), [pattern for name in names for pattern in known[name].streams])
