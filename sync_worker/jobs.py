"""The jobs and reports that the configuration leaves in force, when each is due, and the run that names ask for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from sync_worker.catalog.spec import StreamSpec
from sync_worker.destination.protocol import Transaction
from sync_worker.errors import ConfigurationError
from sync_worker.job import SyncJob, load_jobs, load_reports, report_name
from sync_worker.model import RunRequest, Scope
from sync_worker.planning.partitions import Partition
from sync_worker.planning.plan import expected_partitions
from sync_worker.planning.projects import ProjectChoice
from sync_worker.planning.selection import select
from sync_worker.reports.build import ReportRequest
from sync_worker.reports.formats import check_formats
from sync_worker.settings import JobOptions, ReportSettings, Settings
from sync_worker.settings.problems import nearest_name
from sync_worker.state.history import companies_read


class ConfiguredJob(NamedTuple):
    """A sync job with its configuration; without a `schedule` it only runs by hand.

    One that the configuration leaves out (`is_left_out`) still runs by name, but not with `--all`.
    """

    streams: tuple[str, ...]
    projects: tuple[int, ...]
    schedule: str | None
    timezone: str
    is_left_out: bool = False


class ConfiguredReport(NamedTuple):
    """A report with its configuration."""

    request: ReportRequest
    schedule: str | None
    timezone: str


def configured_jobs(settings: Settings | ReportSettings) -> dict[str, ConfiguredJob]:
    """Return the jobs in force: the shipped ones and those declared under `jobs`, changed as it says.

    Raises `ConfigurationError` for the name of a job that neither is shipped nor has a kind.
    """
    known, reports = load_jobs(settings.jobs_dir), load_reports(settings.jobs_dir)
    named = {
        name: options
        for name, options in (settings.jobs or {}).items()
        if options.kind != "report" and not (options.kind is None and name in reports)
    }
    found = {name: _configured(named.get(name, JobOptions()), job) for name, job in known.items()}
    found |= {name: _configured(options, _known_job(known, name, options)) for name, options in named.items()}
    return {name: job for name, job in found.items() if name not in named or named[name].enabled}


def configured_reports(settings: Settings | ReportSettings) -> dict[str, ConfiguredReport]:
    """Return the reports in force by job: the shipped ones and those declared under `jobs`, changed as it says.

    Raises `ConfigurationError` for an unknown report, or a format that cannot be made.
    """
    named = settings.jobs or {}
    return {
        name: report for name, report in runnable_reports(settings).items() if name not in named or named[name].enabled
    }


def runnable_jobs(settings: Settings) -> dict[str, ConfiguredJob]:
    """Return the jobs that can be run by hand: those in force, as they run on their schedules, and those left out."""
    in_force = configured_jobs(settings)
    known = {name: _configured(JobOptions(), job) for name, job in load_jobs(settings.jobs_dir).items()}
    left_out = {name: job._replace(is_left_out=True) for name, job in known.items() if name not in in_force}
    return {**in_force, **left_out}


def runnable_reports(settings: Settings | ReportSettings) -> dict[str, ConfiguredReport]:
    """Return the reports that can be made by hand, by job: the shipped ones and those that the configuration declares.

    Raises as `configured_reports` does.
    """
    shipped = load_reports(settings.jobs_dir)
    found = {
        name: ConfiguredReport(ReportRequest(report_name(name), job), job.schedule, "UTC")
        for name, job in shipped.items()
    }
    for name, options in (settings.jobs or {}).items():
        if options.kind == "report":
            report = find_report(found, options.report or "", where=f"jobs.{name}.report: ")
            found[name] = _configured_report(name, options, report)
        elif options.kind is None and name in shipped:
            found[name] = _configured_report(name, options, found[name])
    return found


def find_report(known: Mapping[str, ConfiguredReport], name: str, *, where: str = "") -> ConfiguredReport:
    """Return a report by its own name or its job's; the error for an unknown one begins with `where`."""
    by_name = {report_name(job): report for job, report in known.items()}
    if report_name(name) not in by_name:
        hint = _hint(name, by_name, f"there are {', '.join(by_name)}")
        raise ConfigurationError(f"{where}no report is called {name!r}; {hint}")
    return by_name[report_name(name)]


def expected_lists(
    jobs: Mapping[str, ConfiguredJob],
    settings: Settings | ReportSettings,
    view: Transaction,
    streams: Mapping[str, StreamSpec],
) -> list[Partition]:
    """Return every list that these jobs keep up to date, by the projects that are stored now.

    Without companies in the settings, those that were read before count.
    """
    companies = settings.procore.companies or companies_read(view)
    configured = settings.procore.projects
    found: dict[tuple[str, Scope], Partition] = {}
    for job in jobs.values():
        choice = ProjectChoice(job.projects, configured.include, configured.exclude, configured.inactive)
        for partition in expected_partitions(view, select(job.streams, streams), companies, choice):
            found.setdefault((partition.spec.name, partition.scope), partition)
    return list(found.values())


def run_request(
    known: Mapping[str, ConfiguredJob], jobs: Sequence[str], streams: str | None, *, every_job: bool
) -> RunRequest:
    """Return the run that names ask for: jobs by name, `streams` with commas between them, or every job in force.

    Raises `ConfigurationError` for an unknown name, for none or several of the three, and for jobs that read different
    projects, as one run reads the same projects of each stream.
    """
    names_of_all = ", ".join(known) or "none"
    if sum(map(bool, (jobs, streams, every_job))) != 1:
        raise ConfigurationError(f"name what to run: jobs by name, --all, or --streams; the jobs are {names_of_all}")
    if streams:
        return RunRequest(streams, [pattern.strip() for pattern in streams.split(",")])
    names = [name for name, job in known.items() if not job.is_left_out] if every_job else list(jobs)
    for name in names:
        if name not in known:
            raise ConfigurationError(f"no job is called {name!r}; {_hint(name, known, f'the jobs are {names_of_all}')}")
    if not names:
        raise ConfigurationError("the configuration leaves no job in force; name one, or use --streams")
    first, *others = names
    for name in others:
        if set(known[name].projects) != set(known[first].projects):
            raise ConfigurationError(
                f"{first} and {name} read different projects: run them one by one, or use --streams"
            )
    patterns = [pattern for name in names for pattern in known[name].streams]
    return RunRequest(",".join(names), patterns, known[first].projects)


def _known_job(known: Mapping[str, SyncJob], name: str, options: JobOptions) -> SyncJob | None:
    if options.kind == "sync":
        return None
    if name not in known:
        hint = _hint(name, known, "to declare one here, give it kind: sync and streams")
        raise ConfigurationError(f"jobs.{name}: unknown job; {hint}")
    return known[name]


def _configured(options: JobOptions, job: SyncJob | None) -> ConfiguredJob:
    streams = options.streams or (job.streams if job else ())
    schedule = options.schedule or (job.schedule if job else None)
    return ConfiguredJob(tuple(streams), tuple(options.projects), schedule, options.timezone or "UTC")


def _configured_report(name: str, options: JobOptions, report: ConfiguredReport) -> ConfiguredReport:
    try:
        check_formats(options.formats)
    except ConfigurationError as error:
        raise ConfigurationError(f"jobs.{name}.formats: {error}") from None
    request = ReportRequest(report_name(name), report.request.job, options.projects, options.formats)
    return ConfiguredReport(request, options.schedule or report.schedule, options.timezone or "UTC")


def _hint(name: str, known: Iterable[str], otherwise: str) -> str:
    nearest = nearest_name(name, known)
    return f"did you mean {nearest}?" if nearest else otherwise
