"""Finds everything in a configuration that the daemon would refuse, each with its key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import chain

from sync_worker.catalog.spec import StreamSpec
from sync_worker.destination.file_system import unusable_file, unusable_folder
from sync_worker.destination.names import too_wide
from sync_worker.errors import ConfigurationError, DatabaseDamagedError, DestinationError
from sync_worker.job import Job, ReportJob, all_jobs, report_name
from sync_worker.jobs import ConfiguredJob, ConfiguredReport, configured_jobs, configured_reports
from sync_worker.planning.selection import matching
from sync_worker.reports.formats import check_formats
from sync_worker.scheduler.schedules import parse_schedule
from sync_worker.server.address import unusable
from sync_worker.settings import JobOptions, LocalSettings, Settings
from sync_worker.settings.own_streams import catalog_with, findings, own_streams
from sync_worker.settings.problems import KeyFinding, KeyPath, did_you_mean

_ONLY_REPORTS = ("formats", "deliver")


def refusals(settings: Settings) -> Iterator[KeyFinding]:
    """Return why `settings` of the right types cannot be served; every command that loads settings calls this."""
    yield from _not_built(settings)
    yield from _of_projects(settings)
    of_streams = list(findings(settings.streams))
    yield from of_streams
    try:
        known = all_jobs(settings.jobs_dir)
    except ConfigurationError as error:
        yield ("jobs_dir",), str(error)
        return
    named = settings.jobs or {}
    of_names = list(chain.from_iterable(_of_name(name, options, known) for name, options in named.items()))
    yield from of_names
    # The streams and schedules of jobs can only be checked if the jobs and streams exist.
    if not of_names and not of_streams:
        yield from _of_jobs(settings)


def refusals_here(settings: Settings) -> Iterator[KeyFinding]:
    """Return `refusals` and what is wrong on this machine, which other commands find when they open it."""
    yield from refusals(settings)
    if (reason := unusable_file(settings.destination.path)) is not None:
        yield ("destination", "path"), reason
    else:
        yield from _of_database(settings)
    if (reason := unusable_folder(settings.data_dir)) is not None:
        yield ("data_dir",), reason
    if (reason := unusable(settings.server.host, settings.server.port)) is not None:
        yield ("server",), reason
    yield from unstorable(settings)


def _of_database(settings: Settings) -> Iterator[KeyFinding]:
    """Return why the daemon would not write to the existing database; temporary errors do not count."""
    from sync_worker.database import refuse_database

    with suppress(DestinationError):
        try:
            refuse_database(settings)
        except (ConfigurationError, DatabaseDamagedError) as error:
            yield ("destination", "path"), str(error)


def unstorable(settings: LocalSettings | Settings) -> Iterator[KeyFinding]:
    """Return why single streams cannot be stored; a run fails only these."""
    for name, spec in own_streams(settings.streams).items():
        if (reason := too_wide(spec)) is not None:
            yield ("streams", name, "fields"), reason


def _not_built(settings: Settings) -> Iterator[KeyFinding]:
    """Return the keys that would have no effect."""
    if settings.destination.type != "sqlite":
        yield ("destination", "type"), f"{settings.destination.type} is not built yet; use sqlite"
    if settings.publish:
        yield ("publish",), "copies for analysts are not built yet; leave it out"
    if settings.notify:
        yield ("notify",), "notifications are not built yet; leave it out"
    if settings.server.webhook_secret is not None:
        yield ("server", "webhook_secret"), "webhooks are not built yet; leave it out"
    for name, options in (settings.jobs or {}).items():
        if options.deliver:
            yield ("jobs", name, "deliver"), "delivery is not built yet; leave it out, each issue is kept in data_dir"


def _of_projects(settings: Settings) -> Iterator[KeyFinding]:
    projects = settings.procore.projects
    if projects.include and set(projects.include) <= set(projects.exclude):
        yield ("procore", "projects"), "every project of include is in exclude too, so none would be read"


def _of_name(name: str, options: JobOptions, known: Mapping[str, Job]) -> Iterator[KeyFinding]:
    """Return what is wrong with the name and kind of a job."""
    path: KeyPath = ("jobs", name)
    reports = sorted(report_name(each) for each, job in known.items() if isinstance(job, ReportJob))
    if options.kind is None and name not in known:
        yield path, f"unknown job{did_you_mean(name, known) or '; one declared here needs kind'}"
    if options.kind is None and name in known:
        is_report = isinstance(known[name], ReportJob)
        for key in ("report", "streams") if is_report else ("report", *_ONLY_REPORTS):
            if getattr(options, key):
                yield (*path, key), f"is not for {name}, which {'reports' if is_report else 'reads'}"
    if options.report is not None and report_name(options.report) not in reports:
        near = did_you_mean(options.report, reports) or f"; there are {', '.join(reports)}"
        yield (*path, "report"), f"unknown report{near}"
    try:
        check_formats(options.formats)
    except ConfigurationError as error:
        yield (*path, "formats"), str(error)


def _of_jobs(settings: Settings) -> Iterator[KeyFinding]:
    """Return schedules that never fire and patterns that match no stream, in the jobs in force."""
    streams = catalog_with(settings.streams)
    jobs: dict[str, ConfiguredJob | ConfiguredReport] = {**configured_jobs(settings), **configured_reports(settings)}
    for name, job in jobs.items():
        options = (settings.jobs or {}).get(name, JobOptions())
        # The settings of a job's module have no line in the configuration; the key of its folder has.
        is_named = name in (settings.jobs or {})
        module: KeyPath = ("jobs", name) if is_named else ("jobs_dir",)
        lead = "" if is_named else f"job {name}: "
        try:
            if job.schedule:
                parse_schedule(job.schedule, job.timezone)
        except ConfigurationError as error:
            yield ("jobs", name, "schedule") if options.schedule else module, lead + str(error)
        patterns = job.streams if isinstance(job, ConfiguredJob) else job.request.job.streams
        for index, pattern in enumerate(patterns):
            if (problem := _unmatched(pattern, streams)) is not None:
                yield ("jobs", name, "streams", index) if options.streams else module, lead + problem


def _unmatched(pattern: str, streams: Mapping[str, StreamSpec]) -> str | None:
    try:
        matching(pattern, streams)
    except ConfigurationError as error:
        return str(error)
    return None
