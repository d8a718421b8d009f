"""`sync-worker backfill`: a past period, read again month by month, whatever was read before."""

from __future__ import annotations

import sys
from datetime import date, datetime

import click

from sync_worker.cli.context import CliContext, pass_cli
from sync_worker.cli.stopping import stopped_at_once
from sync_worker.errors import ConfigurationError

_DAY = click.DateTime(["%Y-%m-%d"])


@click.command()
@click.option("--since", type=_DAY, metavar="DATE", required=True, help="First day to read, such as 2024-01-31.")
@click.option("--until", type=_DAY, metavar="DATE", help="Last day to read [today].")
@click.option("--streams", metavar="S[,S]...", help="Names, globs, tag:NAME [those of all jobs].")
@click.option("--project", "projects", type=int, multiple=True, metavar="ID", help="Only this project; repeatable.")
@click.option("--plan", is_flag=True, help="Say first what it takes, and ask whether to go on.")
@click.option("--no-wait", is_flag=True, help="End with 4 instead of waiting for the allowance.")
@click.option("--yes", is_flag=True, help="Do not ask; only a terminal is asked.")
@pass_cli
@stopped_at_once()
def command(
    cli: CliContext,
    since: datetime,
    until: datetime | None,
    streams: str | None,
    projects: tuple[int, ...],
    *,
    no_wait: bool,
    plan: bool,
    yes: bool,
) -> int:
    """Read a past period again, month by month; what was finished is not read twice when it is repeated."""
    from sync_worker.cli.jobs import runnable_jobs
    from sync_worker.cli.running import requested, run_and_tell

    settings = cli.load_settings()
    request = requested(runnable_jobs(settings), (), streams, every_job=streams is None)
    first, last = _period(since, until, cli.clock.now().date())
    request = request._replace(projects=projects or request.projects, since=first, until=last, waits=not no_wait)
    if plan:
        from sync_worker.cli.planning import tell_plan_ahead

        tell_plan_ahead(cli, settings, request, goes_on=yes or sys.stdin.isatty())
        if not yes and not sys.stdin.isatty():
            raise ConfigurationError("nobody is there to be asked; say --yes to go on")
    if not yes and sys.stdin.isatty():
        click.confirm(f"Read {request.job} again from {request.since} on?", abort=True, err=True)
    return run_and_tell(cli, settings, request)


def _period(since: datetime, until: datetime | None, today: date) -> tuple[date, date | None]:
    """The days as a request takes them; raises `ConfigurationError` when there are none."""
    first, last = since.date(), until.date() if until else None
    if first > (last or today):
        raise ConfigurationError(f"--since {first} is after {f'--until {last}' if last else 'today'}")
    return first, last
