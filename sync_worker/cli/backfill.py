"""`sync-worker backfill`: a past period, read again month by month, whatever was read before."""

from __future__ import annotations

import json
import sys
from datetime import date, datetime

import click

from sync_worker.app import open_worker
from sync_worker.cli.context import CliContext, pass_cli
from sync_worker.cli.run import exit_code, requested
from sync_worker.cli.stopping import stop_on_signals
from sync_worker.cli.summary import report_as_json, report_as_text
from sync_worker.clock import SystemClock
from sync_worker.errors import ConfigurationError, StopRequested
from sync_worker.job import load_jobs
from sync_worker.logs import redactor

_DAY = click.DateTime(["%Y-%m-%d"])


@click.command()
@click.option("--since", type=_DAY, metavar="DATE", required=True, help="First day to read, such as 2024-01-31.")
@click.option("--until", type=_DAY, metavar="DATE", help="Last day to read [today].")
@click.option("--streams", metavar="S[,S]...", help="Names, globs, tag:NAME [those of all jobs].")
@click.option("--project", "projects", type=int, multiple=True, metavar="ID", help="Only this project; repeatable.")
@click.option("--yes", is_flag=True, help="Do not ask; only a terminal is asked.")
@pass_cli
def command(
    cli: CliContext,
    since: datetime,
    until: datetime | None,
    streams: str | None,
    projects: tuple[int, ...],
    *,
    yes: bool,
) -> int:
    """Read a past period again, month by month; what was finished is not read twice when it is repeated."""
    settings = cli.load_settings()
    clock = SystemClock()
    request = requested(load_jobs(settings.jobs_dir), (), streams, every_job=streams is None)
    first, last = _period(since, until, clock.now().date())
    request = request._replace(projects=projects, since=first, until=last)
    if not yes and sys.stdin.isatty():
        click.confirm(f"Read {request.job} again from {request.since} on?", abort=True, err=True)
    began = clock.monotonic()
    with stop_on_signals() as stop, open_worker(settings, stop=stop, on_new_secret=redactor.add_token) as worker:
        report = worker.run(request)
    seconds = clock.monotonic() - began
    print(json.dumps(report_as_json(report, seconds)) if cli.json else report_as_text(report, seconds))
    if report.failure is not None:
        lead = "stopped" if isinstance(report.failure, StopRequested) else "error"
        print(redactor.text(f"{lead}: {report.failure}"), file=sys.stderr)
    return exit_code(report)


def _period(since: datetime, until: datetime | None, today: date) -> tuple[date, date | None]:
    """The days as a request takes them; raises `ConfigurationError` when there are none."""
    first, last = since.date(), until.date() if until else None
    if first > (last or today):
        raise ConfigurationError(f"--since {first} is after {f'--until {last}' if last else 'today'}")
    return first, last
