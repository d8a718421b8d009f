"""The jobs and reports that the configuration leaves in force, and when each is due."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import NamedTuple

from sync_worker.errors import ConfigurationError
from sync_worker.job import SyncJob, load_jobs, load_reports, report_name
from sync_worker.reports.formats import check_formats
from sync_worker.runner.report import ReportRequest
from sync_worker.settings import JobOptions, ReportSettings, Settings


class ConfiguredJob(NamedTuple):
    """A job with what the configuration says of it; `schedule=None`: only when asked for.

    One that the configuration leaves out can be run by its name, and is none of all jobs.
    """

    streams: tuple[str, ...]
    projects: tuple[int, ...]
    schedule: str | None
    timezone: str
    is_left_out: bool = False


class ConfiguredReport(NamedTuple):
    """A report with what the configuration says of it."""

    request: ReportRequest
    schedule: str | None
    timezone: str


def configured_jobs(settings: Settings) -> dict[str, ConfiguredJob]:
    """All jobs that read with their own schedules, or those that the configuration names, these alone."""
    known = load_jobs(settings.jobs_dir)
    if settings.jobs is None:
        return {name: _configured(JobOptions(), job) for name, job in known.items()}
    return {
        name: _configured(options, _named(known, name, options))
        for name, options in settings.jobs.items()
        if options.kind != "report" and not (options.kind is None and name in load_reports(settings.jobs_dir))
    }


def configured_reports(settings: Settings | ReportSettings) -> dict[str, ConfiguredReport]:
    """All reports with their own schedules, or those that the configuration names, these alone, by job.

    Raises `ConfigurationError` for a report that there is not, or a format that cannot be made.
    """
    known = runnable_reports(settings)
    if settings.jobs is None:
        return known
    return {name: report for name, report in known.items() if name in settings.jobs}


def runnable_reports(settings: Settings | ReportSettings) -> dict[str, ConfiguredReport]:
    """All reports that can be made by hand, by job: those of the folders, and those that the configuration declares."""
    shipped = load_reports(settings.jobs_dir)
    found = {
        name: ConfiguredReport(ReportRequest(report_name(name), job), job.schedule, "UTC")
        for name, job in shipped.items()
    }
    for name, options in (settings.jobs or {}).items():
        if options.kind == "report":
            found[name] = _configured_report(name, options, _report_called(found, name, options.report or ""))
        elif options.kind is None and name in shipped:
            found[name] = _configured_report(name, options, found[name])
    return found


def _report_called(found: Mapping[str, ConfiguredReport], job: str, name: str) -> ConfiguredReport:
    by_name = {report_name(each): report for each, report in found.items()}
    if report_name(name) not in by_name:
        near = difflib.get_close_matches(name, by_name, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(by_name)}"
        raise ConfigurationError(f"jobs.{job}.report: no report is called {name!r}; {hint}")
    return by_name[report_name(name)]


def _configured_report(name: str, options: JobOptions, report: ConfiguredReport) -> ConfiguredReport:
    try:
        check_formats(options.formats)
    except ConfigurationError as error:
        raise ConfigurationError(f"jobs.{name}.formats: {error}") from None
    request = ReportRequest(report_name(name), report.request.job, options.projects, options.formats)
    schedule = options.schedule or report.schedule
    return ConfiguredReport(request, schedule, options.timezone or "UTC")


def runnable_jobs(settings: Settings) -> dict[str, ConfiguredJob]:
    """All jobs that can be run by hand: those in force, as they run on their schedules, and those left out."""
    in_force = configured_jobs(settings)
    known = {name: _configured(JobOptions(), job) for name, job in load_jobs(settings.jobs_dir).items()}
    left_out = {name: job._replace(is_left_out=True) for name, job in known.items() if name not in in_force}
    return {**in_force, **left_out}


def _named(known: Mapping[str, SyncJob], name: str, options: JobOptions) -> SyncJob | None:
    if options.kind == "sync":
        return None
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}?" if near else "to declare one here, give it kind: sync and streams"
    raise ConfigurationError(f"jobs.{name}: no job is called so; {hint}")


def _configured(options: JobOptions, job: SyncJob | None) -> ConfiguredJob:
    streams = options.streams or (job.streams if job else ())
    schedule = options.schedule or (job.schedule if job else None)
    return ConfiguredJob(tuple(streams), tuple(options.projects), schedule, options.timezone or "UTC")
