"""Forecasts from the command line: of jobs by hand and on their schedules, of a run, of a backfill."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sync_worker.app import forecast_requests
from sync_worker.cli.context import CliContext
from sync_worker.cli.forecast import (
    backfill_in_words,
    calls_in_words,
    pace_as_json,
    pace_in_words,
    scopes_as_json,
    stream_lines,
    streams_ahead,
    unknown_lines,
)
from sync_worker.cli.stopping import stop_on_signals
from sync_worker.cli.table import table
from sync_worker.forecast.cost import USUAL_CALLS_AN_HOUR
from sync_worker.forecast.outlook import Forecast, Outlook
from sync_worker.jobs import ConfiguredJob, run_request, runnable_jobs
from sync_worker.logs import Event, get_logger, redactor
from sync_worker.model import RunRequest
from sync_worker.scheduler.schedules import parse_schedule
from sync_worker.settings import Settings

_DAYS_COUNTED = 28

log = get_logger()


class PlannedJob(NamedTuple):
    """A job as it would be run by hand, and how often a day its schedule runs it."""

    request: RunRequest
    schedule: str | None = None
    timezone: str = "UTC"
    ticks_a_day: float = 0.0


def planned_jobs(
    settings: Settings, names: tuple[str, ...], streams: str | None, now: datetime
) -> dict[str, PlannedJob]:
    """The jobs that are meant; raises `ConfigurationError` for an unknown one."""
    known = runnable_jobs(settings)
    if streams:
        return {streams: PlannedJob(run_request(known, names, streams, every_job=False))}
    if names:
        run_request(known, names, None, every_job=False)
    chosen = names or [name for name, job in known.items() if not job.is_left_out]
    return {name: _planned(name, known[name], now) for name in chosen}


def _planned(name: str, job: ConfiguredJob, now: datetime) -> PlannedJob:
    request = RunRequest(name, job.streams, job.projects)
    return PlannedJob(request, job.schedule, job.timezone, _ticks_a_day(job, now))


def _ticks_a_day(job: ConfiguredJob, now: datetime) -> float:
    if job.schedule is None or job.is_left_out:
        return 0.0
    ticks = parse_schedule(job.schedule, job.timezone).count(now, now + timedelta(days=_DAYS_COUNTED))
    return ticks / _DAYS_COUNTED


def tell_plan(cli: CliContext, settings: Settings, jobs: Mapping[str, PlannedJob], *, probing: bool) -> int:
    """Print what each job takes; always succeeds, unless probes are not answered at all."""
    with stop_on_signals() as stop:
        outlook = forecast_requests(
            settings,
            [job.request for job in jobs.values()],
            ticks_a_day=[job.ticks_a_day for job in jobs.values()],
            probing=probing,
            stop=stop,
            on_new_secret=redactor.add_token,
            clock=cli.clock,
        )
    plan = Plan(jobs, outlook)
    print(json.dumps(plan.as_json(), indent=2) if cli.json else "\n".join(plan.as_text()))
    return 0


def tell_dry_run(cli: CliContext, settings: Settings, request: RunRequest) -> int:
    """Print what a run would ask for, list by list; always succeeds."""
    outlook = forecast_requests(settings, [request], clock=cli.clock)
    (found,) = outlook.forecasts
    if cli.json:
        answer = {
            "calls": found.calls,
            "is_least": found.is_least,
            "projects_known": found.projects_known,
            **pace_as_json(found.calls, outlook.pace),
            "streams": scopes_as_json(found),
        }
        print(json.dumps(answer, indent=2))
        return 0
    print("\n".join([*stream_lines(found), *unknown_lines(found), *_spending(found, outlook)]))
    return 0


def _spending(found: Forecast, outlook: Outlook) -> Iterator[str]:
    yield f"would spend {calls_in_words(found)}; nothing was asked, nothing was written"
    yield pace_in_words(found.calls, outlook.pace)


def tell_plan_ahead(cli: CliContext, request: RunRequest, outlook: Outlook, *, goes_on: bool) -> None:
    """Print what is about to be spent; where the run's own answer follows on stdout, to stderr."""
    plan = Plan({request.job: PlannedJob(request)}, outlook)
    if cli.json and not goes_on:
        print(json.dumps(plan.as_json(), indent=2))
    else:
        print("\n".join(plan.as_text()), file=sys.stderr if cli.json else sys.stdout, flush=True)


def tell_spending_ahead(outlook: Outlook) -> None:
    """Say in one line what a backfill is about to spend: on a terminal in words, else in the log."""
    (found,) = outlook.forecasts
    if sys.stderr.isatty():
        print(f"this takes {backfill_in_words(found, outlook.pace)}", file=sys.stderr)
        return
    log.info(
        Event.BACKFILL_PLANNED,
        calls=found.calls,
        is_least=found.is_least,
        each_project=None if found.projects_known else found.each_project,
        **pace_as_json(found.calls, outlook.pace),
    )


def is_small(outlook: Outlook) -> bool:
    """Return whether no more than a tenth of an hour's allowance is spent, as far as can be told."""
    (found,) = outlook.forecasts
    limit = USUAL_CALLS_AN_HOUR if outlook.pace is None else outlook.pace.limit
    return not found.is_open_ended and found.calls <= limit / 10


class Plan(NamedTuple):
    """Jobs with what they take, one forecast for each."""

    jobs: Mapping[str, PlannedJob]
    outlook: Outlook

    def as_json(self) -> dict[str, Any]:
        """The one object that `plan --json` prints."""
        calls = sum(found.calls for found in self.outlook.forecasts)
        return {
            "calls": calls,
            "calls_a_day": self._a_day,
            "is_least": any(found.is_least for found in self.outlook.forecasts),
            "projects_known": all(found.projects_known for found in self.outlook.forecasts),
            "probes": self.outlook.probes,
            **pace_as_json(calls, self.outlook.pace),
            "jobs": [self._job_as_json(name, job, found) for name, job, found in self._each()],
        }

    def as_text(self) -> Iterator[str]:
        """A table of streams for each job, then a line for each job, then all in one."""
        for name, _, found in self._each():
            yield from (f"{name}", *(f"  {line}" for line in stream_lines(found)), "")
        for found in self.outlook.forecasts[:1]:
            yield from unknown_lines(found)
        if len(self.jobs) > 1:
            yield from table(("job", "schedule", "calls", "calls a day"), [self._row(*each) for each in self._each()])
            yield ""
        yield from self._sums()

    def _each(self) -> Iterator[tuple[str, PlannedJob, Forecast]]:
        for (name, job), found in zip(self.jobs.items(), self.outlook.forecasts, strict=True):
            yield name, job, found

    @property
    def _a_day(self) -> int:
        return round(sum(found.calls_a_day for found in self.outlook.forecasts))

    def _job_as_json(self, name: str, job: PlannedJob, found: Forecast) -> dict[str, Any]:
        return {
            "job": name,
            "schedule": job.schedule,
            "timezone": job.timezone,
            "calls": found.calls,
            "calls_a_day": round(found.calls_a_day),
            "is_least": found.is_least,
            **pace_as_json(found.calls, self.outlook.pace),
            "streams": [it._asdict() for it in streams_ahead(found)],
        }

    def _row(self, name: str, job: PlannedJob, found: Forecast) -> tuple[str | int, ...]:
        when = f"{job.schedule} {job.timezone}" if job.schedule else "by hand"
        return name, when, found.calls, round(found.calls_a_day)

    def _sums(self) -> Iterator[str]:
        calls = sum(found.calls for found in self.outlook.forecasts)
        least = "at least " if any(found.is_least for found in self.outlook.forecasts) else ""
        each = ", each job once" if len(self.jobs) > 1 else ""
        yield f"now: {least}{calls:,} calls{each}; {pace_in_words(calls, self.outlook.pace)}"
        if any(job.schedule for job in self.jobs.values()):
            yield f"by schedule: about {self._a_day:,} calls a day while little changes"
        asked = f"{self.outlook.probes} calls were spent on asking" if self.outlook.probes else "nothing was asked"
        yield f"{asked}, no data was written"
