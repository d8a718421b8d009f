"""`sync-worker backfill`: a past period, read again month by month, whatever was read before."""

from __future__ import annotations

import sys
from datetime import date, datetime, timedelta

import click

from sync_worker.cli.context import CliContext, pass_cli
from sync_worker.cli.stopping import stopped_at_once
from sync_worker.errors import ConfigurationError

_DAY = click.DateTime(["%Y-%m-%d"])
# Work is logged ahead; each month of it costs a call for each list.
_AHEAD_AT_MOST = timedelta(days=366)


@click.command()
@click.option("--since", type=_DAY, metavar="DATE", required=True, help="First day to read, such as 2024-01-31.")
@click.option("--until", type=_DAY, metavar="DATE", help="Last day to read [today].")
@click.option("--streams", metavar="S[,S]...", help="Names, globs, tag:NAME [those of all jobs].")
@click.option("--project", "projects", type=int, multiple=True, metavar="ID", help="Only this project; repeatable.")
@click.option("--plan", is_flag=True, help="Say list by list what it takes, and ask first.")
@click.option("--no-wait", is_flag=True, help="End with 4 instead of waiting for the allowance.")
@click.option("--yes", is_flag=True, help="Do not ask; needed where nobody can be asked and much is read.")
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
    from sync_worker.app import forecast_requests
    from sync_worker.cli.forecast import backfill_in_words
    from sync_worker.cli.planning import is_small, tell_plan_ahead, tell_spending_ahead
    from sync_worker.cli.running import run_and_tell
    from sync_worker.jobs import run_request, runnable_jobs

    settings = cli.load_settings()
    request = run_request(runnable_jobs(settings), (), streams, every_job=streams is None)
    first, last = _period(since, until, cli.clock.now().date())
    request = request._replace(
        projects=projects or request.projects, since=first, until=last, wait_for_rate_limit=not no_wait
    )
    try:
        outlook = forecast_requests(settings, [request], clock=cli.clock)
    except ConfigurationError:
        # A database of an older version, which the run updates, or what the run refuses as well.
        if plan or not yes:
            raise
        return run_and_tell(cli, settings, request)
    if plan:
        tell_plan_ahead(cli, request, outlook, goes_on=yes or sys.stdin.isatty())
    else:
        tell_spending_ahead(outlook)
    if not yes and sys.stdin.isatty():
        click.confirm(f"Read {request.job} again from {request.since} on?", abort=True, err=True)
    elif not yes and plan:
        raise ConfigurationError("nobody is there to be asked; say --yes to go on")
    elif not yes and not is_small(outlook):
        spending = backfill_in_words(outlook.forecasts[0], outlook.pace)
        raise ConfigurationError(f"this takes {spending}; nobody is there to be asked, say --yes to go on")
    return run_and_tell(cli, settings, request)


def _period(since: datetime, until: datetime | None, today: date) -> tuple[date, date | None]:
    """The days as a request takes them; raises `ConfigurationError` where there are none, or none that may be meant."""
    first, last = since.date(), until.date() if until else None
    if last is not None and last - today > _AHEAD_AT_MOST:
        raise ConfigurationError(f"--until {last} is more than a year ahead; leave it out to read up to today")
    if first > (last or today):
        raise ConfigurationError(f"--since {first} is after {f'--until {last}' if last else 'today'}")
    return first, last
