"""`sync-worker plan`: what jobs would cost, before anything runs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from sync_worker.cli.context import CliContext, pass_cli
from sync_worker.cli.options import full_refresh_option, projects_option
from sync_worker.cli.signals import stop_on_signals

if TYPE_CHECKING:
    from sync_worker.forecast.outlook import Forecast, Outlook
    from sync_worker.jobs import ConfiguredJob
    from sync_worker.model import RunRequest
    from sync_worker.settings import Settings

_DAYS_COUNTED = 28


class PlannedJob(NamedTuple):
    """A job as it would be run by hand, and how often a day its schedule runs it."""

    request: RunRequest
    schedule: str | None = None
    timezone: str = "UTC"
    ticks_a_day: float = 0.0


@click.command(
    epilog="""\b
Examples:
  sync-worker plan
  sync-worker plan sync_field --probe
  sync-worker plan --streams 'rfis,*_logs' --full-refresh"""
)
@click.argument("jobs", nargs=-1, metavar="[JOB]...")
@click.option("--streams", metavar="S[,S]...", help="Plan these streams instead: names, globs, tag:NAME.")
@projects_option
@full_refresh_option
@click.option("--probe", is_flag=True, help="Request one row of lists that were never read; these calls count.")
@pass_cli
def command(
    cli: CliContext,
    jobs: tuple[str, ...],
    streams: str | None,
    projects: tuple[int, ...],
    *,
    full_refresh: bool,
    probe: bool,
) -> None:
    """Show how many calls jobs take now and on their schedules; without names, all jobs in force.

    The forecast uses only what is stored. What changed in Procore since then is not known.
    """
    from sync_worker.app import forecast_requests
    from sync_worker.logs import redactor

    settings = cli.load_settings()
    planned = {
        name: job._replace(
            request=job.request._replace(projects=projects or job.request.projects, full_refresh=full_refresh)
        )
        for name, job in _planned_jobs(settings, jobs, streams, cli.clock.now()).items()
    }
    with stop_on_signals() as stop:
        outlook = forecast_requests(
            settings,
            [job.request for job in planned.values()],
            ticks_a_day=[job.ticks_a_day for job in planned.values()],
            probing=probe,
            stop=stop,
            on_new_secret=redactor.add_token,
            clock=cli.clock,
        )
    print(json.dumps(as_json(planned, outlook), indent=2) if cli.json else "\n".join(text_lines(planned, outlook)))


def _planned_jobs(
    settings: Settings, names: tuple[str, ...], streams: str | None, now: datetime
) -> dict[str, PlannedJob]:
    """Return the named jobs, without names those in force; raises `ConfigurationError` for an unknown name."""
    from sync_worker.jobs import run_request, runnable_jobs
    from sync_worker.model import RunRequest

    known = runnable_jobs(settings)
    if streams:
        return {streams: PlannedJob(run_request(known, names, streams, every_job=False))}
    if names:
        run_request(known, names, None, every_job=False)
    chosen = {name: known[name] for name in names or [name for name, job in known.items() if not job.is_left_out]}
    return {
        name: PlannedJob(
            RunRequest(name, job.streams, job.projects), job.schedule, job.timezone, _ticks_a_day(job, now)
        )
        for name, job in chosen.items()
    }


def _ticks_a_day(job: ConfiguredJob, now: datetime) -> float:
    from sync_worker.scheduler.schedules import parse_schedule

    if job.schedule is None or job.is_left_out:
        return 0.0
    return parse_schedule(job.schedule, job.timezone).count(now, now + timedelta(days=_DAYS_COUNTED)) / _DAYS_COUNTED


def as_json(jobs: Mapping[str, PlannedJob], outlook: Outlook) -> dict[str, Any]:
    """Return the object that `plan --json` prints."""
    from sync_worker.cli.forecast import pace_as_json, stream_forecasts

    forecasts = outlook.forecasts
    calls = sum(found.calls for found in forecasts)
    return {
        "calls": calls,
        "calls_a_day": _calls_a_day(forecasts),
        "is_least": any(found.is_least for found in forecasts),
        "projects_known": all(found.projects_known for found in forecasts),
        "probes": outlook.probes,
        **pace_as_json(calls, outlook.pace),
        "jobs": [
            {
                "job": name,
                "schedule": job.schedule,
                "timezone": job.timezone,
                "calls": found.calls,
                "calls_a_day": round(found.calls_a_day),
                "is_least": found.is_least,
                **pace_as_json(found.calls, outlook.pace),
                "streams": [it._asdict() for it in stream_forecasts(found)],
            }
            for (name, job), found in zip(jobs.items(), forecasts, strict=True)
        ],
    }


def text_lines(jobs: Mapping[str, PlannedJob], outlook: Outlook) -> Iterator[str]:
    """Return a table of streams for each job, then a line for each job, then the sums."""
    from sync_worker.cli.console import table
    from sync_worker.cli.forecast import pace_text, stream_lines, unknown_lines

    forecasts = outlook.forecasts
    for name, found in zip(jobs, forecasts, strict=True):
        yield from (name, *(f"  {line}" for line in stream_lines(found)), "")
    for found in forecasts[:1]:
        yield from unknown_lines(found)
    if len(jobs) > 1:
        rows = [
            (name, f"{job.schedule} {job.timezone}" if job.schedule else "by hand", it.calls, round(it.calls_a_day))
            for (name, job), it in zip(jobs.items(), forecasts, strict=True)
        ]
        yield from (*table(("job", "schedule", "calls", "calls a day"), rows), "")
    calls = sum(found.calls for found in forecasts)
    least = "at least " if any(found.is_least for found in forecasts) else ""
    each = ", each job once" if len(jobs) > 1 else ""
    yield f"now: {least}{calls:,} calls{each}; {pace_text(calls, outlook.pace)}"
    if any(job.schedule for job in jobs.values()):
        yield f"by schedule: about {_calls_a_day(forecasts):,} calls a day while little changes"
    asked = f"{outlook.probes} calls were spent on asking" if outlook.probes else "nothing was asked"
    yield f"{asked}, no data was written"


def _calls_a_day(forecasts: Sequence[Forecast]) -> int:
    return round(sum(found.calls_a_day for found in forecasts))
