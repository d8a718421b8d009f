"""The making of reports from stored data, and their line in the ledger; sends no call to Procore."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from sync_worker.clock import Clock
from sync_worker.database import filled_database
from sync_worker.destination.protocol import Transaction
from sync_worker.errors import ConfigurationError, SyncWorkerError
from sync_worker.logs import Event, bound, get_logger, redactor
from sync_worker.model import Outcome
from sync_worker.reports.archive import keep, put
from sync_worker.reports.coverage import Choice, coverage_of
from sync_worker.reports.data import ReportData, read_companies, read_projects
from sync_worker.reports.document import Document
from sync_worker.reports.formats import check_formats, render, usual_formats
from sync_worker.reports.issue import Issue
from sync_worker.reports.previous import FIGURES, as_file, last_before
from sync_worker.settings import ReportSettings, Settings
from sync_worker.state.history import latest_scopes
from sync_worker.state.ledger import RunRow, close_run, open_run
from sync_worker.state.queue import new_run_id

log = get_logger()


@dataclass(frozen=True, slots=True)
class ReportJob:
    """A report and when it is due; a module `report_x` of a jobs folder makes the report `x`.

    `streams` are those that the report needs: a project without them is left out, and their freshness is printed.
    `build` reads stored data and returns the document.
    """

    title: str
    streams: tuple[str, ...]
    schedule: str
    build: Callable[[ReportData], Document]


class ReportRequest(NamedTuple):
    """A report to make and the name of its folder; no projects stand for all of them, no formats for the usual ones."""

    name: str
    job: ReportJob
    projects: Sequence[int] = ()
    formats: Sequence[str] = ()


class MadeReport(NamedTuple):
    """A finished report: its headline and its files."""

    name: str
    headline: str
    as_of: datetime
    rendered_at: datetime
    files: Sequence[Path]


def make_report(
    settings: Settings | ReportSettings, request: ReportRequest, *, clock: Clock, output: Path | None = None
) -> MadeReport:
    """Make a report from committed data and keep it in the archive, or write it only to `output`.

    Raises `ConfigurationError` if there is no data, a format cannot be made or the folder cannot be written.
    """
    destination, now = filled_database(settings), clock.now()
    formats = request.formats or usual_formats()
    check_formats(formats)
    wanted = settings.procore.projects
    choice = Choice(frozenset(request.projects), wanted.include, wanted.exclude, wanted.inactive)
    archive = settings.data_dir / "reports" / request.name
    with destination.reader() as view:
        issue = make_issue(view, request, choice, archive, now)
    # Rendered after the reader is closed: an open one keeps SQLite from truncating its log.
    files = {name: content for form in formats for name, content in render(issue, form).items()}
    if output is not None:
        paths = put(output, files)
    else:
        kept = files | {FIGURES: as_file(issue.figures)}
        folder = keep(archive, issue.as_of, kept, now=now, retention=settings.retention.reports)
        paths = [folder / name for name in files]
    return MadeReport(request.name, issue.document.headline, issue.as_of, issue.made_at, paths)


def make_issue(view: Transaction, request: ReportRequest, choice: Choice, archive: Path, now: datetime) -> Issue:
    """Build a report from committed data; raises `ConfigurationError` with the reason if there is none."""
    job = request.job
    if not all(view.has_table(name) for name in ("_run_scopes", "companies", "projects", *job.streams)):
        raise _no_data(job, "nothing has been read yet")
    coverage = coverage_of(read_projects(view), latest_scopes(view), job.streams, choice)
    if unknown := sorted(choice.requested - coverage.known_ids):
        raise ConfigurationError(f"no project {unknown[0]} is known; the table projects lists those that were read")
    if not coverage.included:
        reasons = Counter(each.reason for each in coverage.excluded)
        counts = ", ".join(f"{number} {reason}" for reason, number in reasons.items())
        raise _no_data(job, f"no project can be reported: {counts or 'none is known'}")
    last = last_before(archive, choice.requested, coverage.newest_at)
    document = job.build(ReportData(view, coverage.projects, now, last))
    return Issue(request.name, job.title, read_companies(view), coverage, document, choice.requested, now, last)


def _no_data(job: ReportJob, why: str) -> ConfigurationError:
    streams = ",".join(job.streams)
    return ConfigurationError(f"{job.title}: no data yet, {why}; read it with `sync-worker run --streams {streams}`")


def make_report_as_run(
    settings: Settings,
    request: ReportRequest,
    *,
    job: str,
    clock: Clock,
    trigger: str = "manual",
    run_id: str = "",
) -> tuple[str, MadeReport]:
    """Make a report as a run in the ledger; return it with the run's id. Raises as `make_report` does.

    A daemon may hold the database meanwhile.
    """
    destination = filled_database(settings)
    row = RunRow(run_id or new_run_id(clock.now()), job, trigger, clock.now())
    with destination.short_write() as transaction:
        open_run(transaction, row)
    # What the ledger has if the process is stopped, which is no `Exception`.
    failure: str | None = "internal error"
    with bound(run_id=row.run_id, job=row.job):
        log.info(Event.RUN_STARTED)
        try:
            made = make_report(settings, request, clock=clock)
            failure = None
        except SyncWorkerError as error:
            failure = redactor.text(str(error))
            raise
        except Exception as bug:
            failure = redactor.text(f"internal error: {type(bug).__name__}: {bug}")
            raise
        finally:
            outcome = Outcome.FAILED if failure else Outcome.SUCCEEDED
            with destination.short_write() as transaction:
                close_run(transaction, row.run_id, outcome, finished_at=clock.now(), error=failure)
            log.info(Event.RUN_FINISHED, outcome=outcome, error=failure)
    return row.run_id, made
