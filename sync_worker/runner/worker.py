"""Runs requests one after the other or side by side, for one configuration and its database."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from sync_worker.catalog.spec import StreamSpec
from sync_worker.catalog.tools import PROJECT_TOOLS
from sync_worker.client.rate_limit import Allowance
from sync_worker.database import begin
from sync_worker.destination.protocol import Destination
from sync_worker.destination.sqlite import SqliteDestination
from sync_worker.errors import DatabaseLostError, DestinationError, StopRequested, SyncWorkerError, failure_of
from sync_worker.logs import Event, get_logger
from sync_worker.model import Outcome, RunRequest
from sync_worker.planning.projects import ProjectChoice
from sync_worker.planning.selection import COMPANIES, PROJECTS, select
from sync_worker.runner.clocks import Clocks
from sync_worker.runner.context import RunContext
from sync_worker.runner.run import execute_run
from sync_worker.services import Services
from sync_worker.settings import Settings
from sync_worker.state.history import reset_checkpoints
from sync_worker.state.ledger import RunTotals, ScopeResult, close_abandoned_runs, run_scopes, run_totals
from sync_worker.state.queue import new_run_id
from sync_worker.state.retention import Retention, prune

_NEEDED = frozenset({COMPANIES, PROJECTS, PROJECT_TOOLS.name})
"""The streams without which nothing can be read."""

log = get_logger()


class FinishedRun(NamedTuple):
    """A finished run as the ledger has it; `failure` is what ended it early."""

    run_id: str
    failure: SyncWorkerError | None
    totals: RunTotals
    scopes: Sequence[ScopeResult]


def finished_run(destination: Destination, run_id: str) -> FinishedRun:
    """Return a finished run from the ledger."""
    with destination.reader() as view:
        totals, scopes = run_totals(view, run_id), run_scopes(view, run_id)
    group = totals.failure or (StopRequested.__name__ if totals.outcome is Outcome.INTERRUPTED else None)
    return FinishedRun(run_id, failure_of(group, totals.error) if totals.error else None, totals, scopes)


def run_context(settings: Settings, services: Services, request: RunRequest) -> RunContext:
    """Return a request with what the configuration adds to it; raises `ConfigurationError` for an unknown stream."""
    configured = settings.procore
    return RunContext(
        services,
        request._replace(trigger="backfill") if request.is_backfill else request,
        select(request.streams or (), services.streams),
        configured.companies,
        ProjectChoice(
            requested=request.projects,
            include=configured.projects.include,
            exclude=configured.projects.exclude,
            inactive=configured.projects.inactive,
        ),
        Clocks(services.clock),
        start_date=configured.start_date,
    )


class Worker:
    """Runs requests with a database that this process holds."""

    def __init__(self, settings: Settings, services: Services, database: SqliteDestination) -> None:
        self._settings = settings
        self._services = services
        self._database = database
        self._runs = 0
        self._openings = 1
        self._is_outcome_missing = False
        self._starting = threading.Lock()
        self._trouble: str | None = None

    @property
    def ledger(self) -> Destination:
        """The database, for readers of the ledger and for transactions other than a run's own."""
        return self._services.destination

    @property
    def openings(self) -> int:
        """The number of times that the database was opened: one, and one for each file that was lost."""
        return self._openings

    @property
    def allowance(self) -> Allowance:
        """Procore's rate limit as it is known."""
        return self._services.rate_limit.allowance

    @property
    def is_refused(self) -> bool:
        """True if Procore refuses the credentials, so that no run can read anything."""
        return self._services.procore.is_refused

    @property
    def calls_by_status(self) -> Mapping[str, int]:
        """The calls that this process has made, by the class of their status."""
        return self._services.procore.call_counter.by_status

    def run(self, request: RunRequest) -> FinishedRun:
        """Run now; raises `DestinationError` when not even the outcome could be written."""
        # A file that is back is taken at once, not at the next heartbeat.
        self.database_trouble()
        services = self._services
        with self._counted():
            run_id = request.run_id or new_run_id(services.clock.now())
            run = run_context(self._settings, services, request._replace(run_id=run_id))
            specs = (*run.specs, PROJECT_TOOLS)
            self._forget_marks_of_emptied_tables(specs)
            run.unstorable = services.destination.prepare(specs)
            for name in _NEEDED.intersection(run.unstorable):
                raise DestinationError(f"{name}: {run.unstorable[name]}")
            ended = execute_run(run)
            # By a clock that may be years ahead, nothing can be called old.
            if ended.doubt is None:
                self._prune()
            self._database.release_memory()
        return finished_run(services.destination, ended.run_id)._replace(failure=ended.failure)

    def _forget_marks_of_emptied_tables(self, specs: Sequence[StreamSpec]) -> None:
        """Reset the checkpoints of streams whose table, or a column of it, is new or was dropped.

        Their marks speak of values that are not there.
        """
        with self._services.destination.transaction() as transaction:
            for spec in specs:
                if transaction.lacks_columns(spec):
                    reset_checkpoints(transaction, spec.name, None)

    @contextmanager
    def _counted(self) -> Iterator[None]:
        with self._starting:
            self._runs += 1
        try:
            yield
        except DatabaseLostError:
            self._is_outcome_missing = True
            raise
        finally:
            with self._starting:
                self._runs -= 1

    def _prune(self) -> None:
        services, kept = self._services, self._settings.retention
        try:
            prune(services.destination, Retention(kept.runs, kept.scopes), services.clock.now(), services.stop)
        except DestinationError as refusal:
            # The next run prunes as much.
            log.warning(Event.LEDGER_REFUSED, error=str(refusal))

    def database_trouble(self) -> str | None:
        """Return what is wrong with the database, in one line, or None; log it when it is new.

        A lost file is given up for the one at its path now, as soon as no run is under way that began with it.
        """
        with self._starting:
            database = self._database
            trouble: str | None
            try:
                is_idle = not self._runs
                if is_idle and database.is_lost():
                    begin(self._settings, database, self._services.clock, database.reopen)
                    self._openings += 1
                    log.warning(Event.DATABASE_REOPENED)
                    self._is_outcome_missing = False
                elif is_idle and self._is_outcome_missing:
                    # The file came back before anybody looked: nothing but this closes the run that it was lost to.
                    with database.short_write() as transaction:
                        close_abandoned_runs(transaction, self._services.clock.now())
                    self._is_outcome_missing = False
            except SyncWorkerError as refusal:
                trouble = str(refusal)
            else:
                trouble = database.trouble()
            if trouble is not None and trouble != self._trouble:
                log.error(Event.DATABASE_LOST, error=trouble)
            self._trouble = trouble
            return trouble
