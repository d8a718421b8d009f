"""One report, made and kept, from its first line in the ledger to its last; asks nothing of Procore."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, Protocol, TypeVar

from sync_worker.clock import Clock
from sync_worker.destination.protocol import Transaction
from sync_worker.errors import SyncWorkerError
from sync_worker.job import ReportJob
from sync_worker.logs import Event, bound, get_logger, redactor
from sync_worker.model import Outcome
from sync_worker.reports.archive import keep, put
from sync_worker.reports.coverage import Choice
from sync_worker.reports.formats import check_formats, render, usual_formats
from sync_worker.reports.issue import figures_of, make_issue
from sync_worker.reports.previous import FIGURES, as_file, last_before
from sync_worker.reports.story import headline
from sync_worker.settings import ReportSettings, Settings
from sync_worker.state.executor import Executor
from sync_worker.state.ledger import RunRow, close_run, open_run

Made = TypeVar("Made")

log = get_logger()


class ReportRequest(NamedTuple):
    """A report to make: its job, the name it is kept under, and the projects and formats if not all or the usual."""

    name: str
    job: ReportJob
    projects: Sequence[int] = ()
    formats: Sequence[str] = ()


class MadeReport(NamedTuple):
    """A report that was made: what it says in a sentence, and its files."""

    name: str
    headline: str
    as_of: datetime
    rendered_at: datetime
    files: Sequence[Path]


class Ledger(Protocol):
    """Where runs are kept, for whoever does not hold the database's one writer."""

    def aside(self) -> AbstractContextManager[Executor]:
        """A short writing transaction beside the one writer's."""
        ...


class ReadableDatabase(Protocol):
    """Where what is reported is stored."""

    def reader(self) -> AbstractContextManager[Transaction]:
        """A read-only view of what is committed."""
        ...


def make(
    stored: ReadableDatabase,
    settings: Settings | ReportSettings,
    request: ReportRequest,
    now: datetime,
    output: Path | None = None,
) -> MadeReport:
    """Make a report from what is committed and keep it in the archive, or put it into `output` alone.

    Raises `ConfigurationError` when nothing can be told, a format cannot be made or the folder cannot be written.
    """
    formats = request.formats or usual_formats()
    check_formats(formats)
    wanted = settings.procore.projects
    choice = Choice(frozenset(request.projects), wanted.include, wanted.exclude, wanted.inactive)
    archive = settings.data_dir / "reports" / request.name
    with stored.reader() as view:
        issue = make_issue(view, request.name, request.job, choice, now)
    figures = figures_of(issue, choice)
    issue = issue._replace(last=last_before(archive, figures))
    files = {name: content for form in formats for name, content in render(issue, form).items()}
    if output is not None:
        paths = put(output, files)
    else:
        kept = files | {FIGURES: as_file(figures)}
        folder = keep(archive, issue.as_of, kept, now=now, retention=settings.retention.reports)
        paths = [folder / name for name in files]
    return MadeReport(request.name, headline(issue), issue.as_of, issue.rendered_at, paths)


def run_report(ledger: Ledger, row: RunRow, clock: Clock, make: Callable[[], Made]) -> Made:
    """Do what `make` does, between a line of the ledger that opens and one that closes; raises what it raises."""
    with ledger.aside() as transaction:
        open_run(transaction, row)
    failure: str | None = "internal error"
    with bound(run_id=row.run_id, job=row.job):
        log.info(Event.RUN_STARTED)
        try:
            made = make()
            failure = None
        except SyncWorkerError as error:
            failure = redactor.text(str(error))
            raise
        except Exception as bug:
            failure = redactor.text(f"internal error: {type(bug).__name__}: {bug}")
            raise
        finally:
            outcome = Outcome.FAILED if failure else Outcome.SUCCEEDED
            with ledger.aside() as transaction:
                close_run(transaction, row.run_id, outcome, finished_at=clock.now(), error=failure)
            log.info(Event.RUN_FINISHED, outcome=outcome, error=failure)
    return made
