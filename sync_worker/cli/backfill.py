"""`sync-worker backfill`: a past period, read again month by month, whatever was read before."""

from __future__ import annotations

import json
import sys
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

import click

from sync_worker.cli.context import CliContext, pass_cli
from sync_worker.cli.options import no_wait_option, projects_option
from sync_worker.cli.signals import stopped_at_once
from sync_worker.errors import ConfigurationError

if TYPE_CHECKING:
    from sync_worker.forecast.outlook import Outlook
    from sync_worker.model import RunRequest

_DAY = click.DateTime(["%Y-%m-%d"])
# Work is logged ahead; each month of it costs a call for each list.
_AHEAD_AT_MOST = timedelta(days=366)


@click.command()
@click.option("--since", type=_DAY, metavar="DATE", required=True, help="First day to read, such as 2024-01-31.")
@click.option("--until", type=_DAY, metavar="DATE", show_default="today", help="Last day to read.")
@click.option("--streams", metavar="S[,S]...", show_default="those of all jobs", help="Names, globs, tag:NAME.")
@projects_option
@click.option("--plan", is_flag=True, help="Show the calls of each list, then ask.")
@no_wait_option
@click.option("--yes", is_flag=True, help="Do not ask; required without a terminal if much is read.")
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
    """Read a past period again, month by month.

    The same command after a stop goes on where it was stopped.
    """
    from sync_worker.app import forecast_requests
    from sync_worker.cli.forecast import backfill_text
    from sync_worker.cli.run import run_and_print
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
        return run_and_print(cli, settings, request)
    is_interactive = sys.stdin.isatty()
    if plan:
        _print_plan(cli, request, outlook, goes_on=yes or is_interactive)
    else:
        _print_or_log_spending(outlook)
    if not yes and is_interactive:
        click.confirm(f"Read {request.job} again from {request.since} on?", abort=True, err=True)
    elif not yes and plan:
        raise ConfigurationError("stdin is not a terminal; add --yes to go on")
    elif not yes and not _is_small(outlook):
        raise ConfigurationError(f"this takes {backfill_text(outlook)}; stdin is not a terminal, add --yes to go on")
    return run_and_print(cli, settings, request)


def _print_plan(cli: CliContext, request: RunRequest, outlook: Outlook, *, goes_on: bool) -> None:
    """Print what the backfill takes; if the JSON of the run follows on stdout, print to stderr."""
    from sync_worker.cli.plan import PlannedJob, as_json, text_lines

    jobs = {request.job: PlannedJob(request)}
    if cli.json and not goes_on:
        print(json.dumps(as_json(jobs, outlook), indent=2))
    else:
        print("\n".join(text_lines(jobs, outlook)), file=sys.stderr if cli.json else sys.stdout, flush=True)


def _print_or_log_spending(outlook: Outlook) -> None:
    """Show in one line what the backfill takes: as text on a terminal, else in the log."""
    from sync_worker.cli.forecast import backfill_text, pace_as_json
    from sync_worker.logs import Event, get_logger

    if sys.stderr.isatty():
        print(f"this takes {backfill_text(outlook)}", file=sys.stderr)
        return
    (found,) = outlook.forecasts
    get_logger().info(
        Event.BACKFILL_PLANNED,
        calls=found.calls,
        is_least=found.is_least,
        each_project=None if found.projects_known else found.each_project,
        **pace_as_json(found.calls, outlook.pace),
    )


def _is_small(outlook: Outlook) -> bool:
    """Return True if at most a tenth of an hour's allowance is spent."""
    from sync_worker.forecast.cost import USUAL_CALLS_AN_HOUR

    (found,) = outlook.forecasts
    limit = USUAL_CALLS_AN_HOUR if outlook.pace is None else outlook.pace.limit
    return not found.is_open_ended and found.calls <= limit / 10


def _period(since: datetime, until: datetime | None, today: date) -> tuple[date, date | None]:
    """Return the days of the request; raise `ConfigurationError` if there are none, or more than a year ahead."""
    first, last = since.date(), until.date() if until else None
    if last is not None and last - today > _AHEAD_AT_MOST:
        raise ConfigurationError(f"--until {last} is more than a year ahead; leave it out to read up to today")
    if first > (last or today):
        raise ConfigurationError(f"--since {first} is after {f'--until {last}' if last else 'today'}")
    return first, last
