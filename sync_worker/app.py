"""The composition root: the only place that builds things and hands them to each other."""

from __future__ import annotations

import gc
import os
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import NamedTuple

from sync_worker.catalog.spec import StreamSpec
from sync_worker.catalog.tools import PROJECT_TOOLS
from sync_worker.client.call_counter import CallCounter
from sync_worker.client.procore import Procore
from sync_worker.client.rate_limit import Allowance, RateLimit
from sync_worker.client.retry import Retry, RetryPolicy
from sync_worker.client.tokens import Tokens
from sync_worker.client.transport import Transport
from sync_worker.clock import Clock
from sync_worker.destination.protocol import Destination
from sync_worker.destination.sqlite import SqliteBeside, SqliteDestination
from sync_worker.doctor import check as checkup
from sync_worker.doctor.check import Checkup
from sync_worker.engine.handoff import hand_over
from sync_worker.errors import ConfigurationError, DestinationError, StopRequested, SyncWorkerError, failure_of
from sync_worker.forecast.outlook import Outlook, forecast, pace_of
from sync_worker.load.writer import Writer
from sync_worker.logs import Event, get_logger
from sync_worker.model import Outcome, RunRequest
from sync_worker.planning.options import StreamOptions
from sync_worker.planning.projects import ProjectChoice
from sync_worker.planning.selection import COMPANIES, PROJECTS, select
from sync_worker.planning.windows import DEFAULT_LOOKBACK, RereadRule
from sync_worker.progress import NullProgress, Progress
from sync_worker.reports.build import MadeReport, ReportRequest, make, run_report
from sync_worker.runner.allowance import AllowanceKeeper
from sync_worker.runner.clocks import Clocks
from sync_worker.runner.context import RunContext
from sync_worker.runner.run import execute_run
from sync_worker.scheduler.heartbeat import heartbeat_path
from sync_worker.services import Services
from sync_worker.settings import ReportSettings, Settings
from sync_worker.settings.own_streams import catalog_with
from sync_worker.state.allowance import StoredAllowance, allowance_lifted_at, read_allowance
from sync_worker.state.executor import View
from sync_worker.state.history import reset_checkpoints
from sync_worker.state.ledger import RunRow, RunTotals, ScopeResult, close_abandoned_runs, run_scopes, run_totals
from sync_worker.state.migration import migrate, pending, refuse_other_version
from sync_worker.state.origin import Origin, origin_of, record_origin, refuse_other_origin
from sync_worker.state.queue import new_run_id
from sync_worker.state.retention import Retention, prune

_NEEDED = frozenset({COMPANIES, PROJECTS, PROJECT_TOOLS.name})
"""The streams without which nothing can be read."""
DAEMON = "the daemon, "
"""The role of who takes runs that wait in the ledger."""

_NEW_AGAIN = "if its database is on a volume that is not mounted, stop, mount it and delete the new file"

log = get_logger()


class FinishedRun(NamedTuple):
    """A finished run as its ledger tells it; `failure` is what ended it early."""

    run_id: str
    failure: SyncWorkerError | None
    totals: RunTotals
    scopes: Sequence[ScopeResult]


class Worker:
    """Runs what it is asked to, for one configuration."""

    def __init__(self, settings: Settings, services: Services, budget: RateLimit, database: SqliteDestination) -> None:
        self._settings = settings
        self._services = services
        self._database = database
        self._budget = budget
        self._runs = 0
        self._openings = 1
        self._starting = threading.Lock()
        self._trouble: str | None = None

    @property
    def ledger(self) -> Destination:
        """The database, for whoever reads the ledger or writes to it aside."""
        return self._services.destination

    @property
    def openings(self) -> int:
        """The number of times that the database was opened: one, and one for each file that was lost."""
        return self._openings

    @property
    def allowance(self) -> Allowance:
        """What is known of Procore's allowance."""
        return self._budget.allowance

    @property
    def calls_by_status(self) -> Mapping[str, int]:
        """The calls that this process has made, by the class of their status."""
        return self._services.procore.call_counter.by_status

    def run(self, request: RunRequest) -> FinishedRun:
        """Run now; raises `DestinationError` when not even the outcome could be written."""
        # A file that is back is taken at once, not at the next heartbeat.
        self.database_trouble()
        with self._running():
            run = self._context(request._replace(run_id=request.run_id or new_run_id(self._services.clock.now())))
            specs = (*run.specs, PROJECT_TOOLS)
            self._forget_marks_of_emptied_tables(specs)
            run.unstorable = self._services.destination.prepare(specs)
            for name in _NEEDED.intersection(run.unstorable):
                raise DestinationError(f"{name}: {run.unstorable[name]}")
            ended = execute_run(run)
            # What is old by a clock that may be years ahead is not.
            if ended.doubt is None:
                self._prune()
            self._database.release_memory()
        return _finished(self._services.destination, ended.run_id)._replace(failure=ended.failure)

    def _forget_marks_of_emptied_tables(self, specs: Sequence[StreamSpec]) -> None:
        """Let all of a stream be read again whose table, or a column of it, is new or was dropped.

        Its marks speak of values that are not there.
        """
        with self._services.destination.transaction() as transaction:
            for spec in specs:
                if transaction.lacks_columns(spec):
                    reset_checkpoints(transaction, spec.name, None)

    @contextmanager
    def _running(self) -> Iterator[None]:
        with self._starting:
            self._runs += 1
        try:
            yield
        finally:
            with self._starting:
                self._runs -= 1

    def database_trouble(self) -> str | None:
        """Return what is wrong with the database, in one line, or None.

        A file that was lost is given up for the one that is there now, once no run has begun with it.
        """
        with self._starting:
            database = self._database
            if database.is_lost() and not self._runs:
                try:
                    _begin(self._settings, database, self._services.clock, database.reopen)
                except SyncWorkerError as refusal:
                    return self._told(str(refusal))
                self._openings += 1
                log.warning(Event.DATABASE_REOPENED)
            return self._told(database.trouble())

    def _told(self, trouble: str | None) -> str | None:
        if trouble is not None and trouble != self._trouble:
            log.error(Event.DATABASE_LOST, error=trouble)
        self._trouble = trouble
        return trouble

    def look_ahead(self, requests: Sequence[RunRequest], ticks_a_day: Sequence[float], *, probing: bool) -> Outlook:
        """What `run` would ask for, for each of them by itself."""
        runs = [self._context(request) for request in requests]
        found = forecast(self._services, runs, ticks_a_day=ticks_a_day, probing=probing)
        # Probes may have told it.
        return found._replace(pace=pace_of(self._budget.allowance.windows))

    def check_up(self, request: RunRequest, *, keeps: bool) -> Checkup:
        """What Procore lets us do of a request."""
        hosts = [str(self._settings.procore.login_url), str(self._settings.procore.api_url)]
        return checkup.check_up(self._services, self._context(request), hosts, keeps=keeps)

    def _prune(self) -> None:
        """Keep the ledger small; whoever cannot does so after the next run."""
        services, kept = self._services, self._settings.retention
        try:
            prune(services.destination, Retention(kept.runs, kept.scopes), services.clock.now(), services.stop)
        except DestinationError as refusal:
            log.warning(Event.LEDGER_REFUSED, error=str(refusal))

    def _context(self, request: RunRequest) -> RunContext:
        configured = self._settings.procore
        return RunContext(
            self._services,
            request._replace(trigger="backfill") if request.is_backfill else request,
            select(request.streams or (), self._services.streams),
            configured.companies,
            ProjectChoice(
                requested=request.projects,
                include=configured.projects.include,
                exclude=configured.projects.exclude,
                inactive=configured.projects.inactive,
            ),
            Clocks(self._services.clock.now()),
            start_date=configured.start_date,
        )


def _finished(destination: Destination, run_id: str) -> FinishedRun:
    with destination.reader() as view:
        totals, scopes = run_totals(view, run_id), run_scopes(view, run_id)
    group = totals.failure or (StopRequested.__name__ if totals.outcome is Outcome.INTERRUPTED else None)
    return FinishedRun(run_id, failure_of(group, totals.error) if totals.error else None, totals, scopes)


def run_by_daemon(
    settings: Settings, request: RunRequest, *, stop: threading.Event, clock: Clock, progress: Progress | None = None
) -> FinishedRun:
    """Have the daemon that holds the database run it, and follow; raises as `hand_over` does.

    Raises `ConfigurationError` too where the daemon's configuration is what keeps it from running.
    """
    select(request.streams or (), catalog_with(settings.streams))
    destination = SqliteDestination(settings.destination.path)
    with destination.reader() as view:
        _admit(settings, view)
    trigger = "backfill" if request.is_backfill else request.trigger
    queued = request._replace(run_id=new_run_id(clock.now()), trigger=trigger)
    hand_over(queued, destination, is_held=destination.is_held, clock=clock, stop=stop, progress=progress)
    ended = _finished(destination, queued.run_id)
    if isinstance(ended.failure, ConfigurationError):
        raise ended.failure
    return ended


def make_report(
    settings: Settings | ReportSettings,
    request: ReportRequest,
    *,
    clock: Clock,
    output: Path | None = None,
) -> MadeReport:
    """Make a report from what is committed; raises as `make`, and `ConfigurationError` when there is no data yet."""
    return make(_stored(settings), settings, request, clock.now(), output)


def make_report_as_run(
    settings: Settings,
    request: ReportRequest,
    *,
    job: str,
    clock: Clock,
    trigger: str = "manual",
    run_id: str = "",
) -> tuple[str, MadeReport]:
    """As `make_report`, with a line in the ledger, whose id is returned; a daemon may hold the database meanwhile."""
    row = RunRow(run_id or new_run_id(clock.now()), job, trigger, clock.now())
    return row.run_id, run_report(_stored(settings), row, clock, lambda: make_report(settings, request, clock=clock))


class RunExecutor:
    """Does the runs of a daemon, each from its line in the ledger to its outcome there: a report, or a sync."""

    def __init__(self, worker: Worker, settings: Settings, reports: Mapping[str, ReportRequest], clock: Clock) -> None:
        self._worker = worker
        self._settings = settings
        self._reports = reports
        self._clock = clock

    def __call__(self, run: RunRequest) -> None:
        report = self._reports.get(run.job)
        if report is None or run.streams:
            self._worker.run(run)
            return
        make_report_as_run(
            self._settings, report, job=run.job, trigger=run.trigger, run_id=run.run_id, clock=self._clock
        )


def _stored(settings: Settings | ReportSettings) -> SqliteDestination:
    """The database, which must be there already."""
    destination = _destination(settings)
    path = settings.destination.path
    if not path.is_file():
        raise ConfigurationError(f"no data yet: {path} does not exist; run `sync-worker run --all` first")
    with destination.reader() as view:
        refuse_other_version(view, "sqlite")
        if not view.has_table("_runs"):
            raise ConfigurationError(f"no data yet: {path} holds nothing; run `sync-worker run --all` first")
    return destination


@contextmanager
def open_worker(
    settings: Settings,
    *,
    stop: threading.Event,
    on_new_secret: Callable[[str], None],
    clock: Clock,
    retry_policy: RetryPolicy | None = None,
    role: str = "",
    progress: Progress | None = None,
    database: Callable[[Path], SqliteDestination] = SqliteDestination,
) -> Iterator[Worker]:
    """Build the worker, hold its database while it is used, and give everything back; `role` is what others are told.

    `database` opens the file of that path. Raises before any call is spent: `ConfigurationError`, `LockHeldError`, and
    `StopRequested` when asked to stop while another program keeps the database from being opened.
    """
    destination = _destination(settings, database)
    admit = partial(_admit, settings)
    path, heartbeat = settings.destination.path, heartbeat_path(settings.data_dir)
    if not path.exists() and heartbeat.exists():
        log.warning(Event.DATABASE_BEGUN, path=str(path), error=f"a daemon has run before ({heartbeat}); {_NEW_AGAIN}")
    try:
        known = _begin(settings, destination, clock, lambda: destination.open(_holder(role), admit=admit, stop=stop))
    except DestinationError as refusal:
        if stop.is_set():
            raise StopRequested(str(refusal)) from None
        raise
    try:
        # What is imported stays; unfrozen, it would be searched for garbage all the time that pages pass.
        gc.freeze()
        with _built(settings, destination, clock, stop, on_new_secret, retry_policy, progress, known) as worker:
            yield worker
    finally:
        destination.close()


def _begin(settings: Settings, database: SqliteDestination, clock: Clock, take: Callable[[], None]) -> StoredAllowance:
    """Take the database, bring it up to date, and close what a process before left open in it."""
    take()
    try:
        with database.transaction() as transaction:
            migrate(transaction, "sqlite")
            record_origin(transaction, _origin(settings))
            close_abandoned_runs(transaction, clock.now())
            return read_allowance(transaction)
    except BaseException:
        database.close()
        raise


def _admit(settings: Settings, view: View) -> None:
    """Raise `ConfigurationError` when the database is not for this version and this configuration to write to."""
    refuse_other_version(view, "sqlite")
    refuse_other_origin(view, _origin(settings), settings.destination.path)


def _origin(settings: Settings) -> Origin:
    return origin_of(settings.procore.login_url, settings.procore.api_url)


def refuse_database(settings: Settings) -> None:
    """Raise `ConfigurationError` when there is a database that `open_worker` would not write to."""
    if settings.destination.type == "sqlite" and settings.destination.path.is_file():
        with SqliteDestination(settings.destination.path).reader() as view:
            _admit(settings, view)


def look_ahead(
    settings: Settings,
    requests: Sequence[RunRequest],
    *,
    clock: Clock,
    ticks_a_day: Sequence[float] = (),
    probing: bool = False,
    stop: threading.Event | None = None,
    on_new_secret: Callable[[str], None] = lambda secret: None,  # noqa: ARG005 - without probes there is none
) -> Outlook:
    """What each request would ask for, by what is stored and by probes if wanted; no data is written, no lock taken.

    `ticks_a_day` is how often the schedule of each asks for it.
    """
    refuse_database(settings)
    with (
        _readable(_destination(settings, SqliteBeside)) as destination,
        _beside(settings, destination, clock, stop or threading.Event(), on_new_secret) as worker,
    ):
        return worker.look_ahead(requests, ticks_a_day, probing=probing)


def check_up(
    settings: Settings,
    request: RunRequest,
    *,
    stop: threading.Event,
    on_new_secret: Callable[[str], None],
    clock: Clock,
    progress: Progress | None = None,
    keeps: bool = True,
) -> Checkup:
    """What Procore lets us do of `request`; what is learned is kept in the database, which is made if need be."""
    with suppress(DestinationError):
        refuse_database(settings)
    destination = _destination(settings, SqliteBeside)
    if keeps and not destination.is_filled():
        _made(_destination(settings))
    with _beside(settings, destination, clock, stop, on_new_secret, _ONCE_MORE, progress) as worker:
        return worker.check_up(request, keeps=keeps)


@contextmanager
def _beside(
    settings: Settings,
    destination: SqliteDestination,
    clock: Clock,
    stop: threading.Event,
    on_new_secret: Callable[[str], None],
    retry_policy: RetryPolicy | None = None,
    progress: Progress | None = None,
) -> Iterator[Worker]:
    """A worker that holds no database, and knows the allowance as whoever asked before left it."""
    known = None
    with suppress(DestinationError), destination.reader() as view:
        known = read_allowance(view)
    with _built(settings, destination, clock, stop, on_new_secret, retry_policy, progress, known) as worker:
        yield worker


_ONCE_MORE = RetryPolicy(attempts=2, longest_wait_seconds=2.0)


def _made(destination: SqliteDestination) -> None:
    destination.open(holder=_holder("check, "))
    try:
        with destination.transaction() as transaction:
            migrate(transaction, "sqlite")
    finally:
        destination.close()


def _holder(role: str) -> str:
    return f"{role}process {os.getpid()} on {socket.gethostname()}"


@contextmanager
def _readable(destination: SqliteDestination) -> Iterator[SqliteDestination]:
    """The database as it is, or where nothing was stored yet, an empty one for as long as it is looked at."""
    if destination.is_filled():
        with destination.reader() as view:
            missing = pending(view, "sqlite")
        if missing:
            raise ConfigurationError("an older version wrote the database; the next run, or the daemon, updates it")
        yield destination
        return
    with tempfile.TemporaryDirectory(prefix="sync-worker-") as folder:
        empty = SqliteBeside(Path(folder) / "empty.db")
        empty.open(holder="nobody")
        try:
            with empty.transaction() as transaction:
                migrate(transaction, "sqlite")
            yield empty
        finally:
            empty.close()


@contextmanager
def _built(
    settings: Settings,
    destination: SqliteDestination,
    clock: Clock,
    stop: threading.Event,
    on_new_secret: Callable[[str], None],
    retry_policy: RetryPolicy | None = None,
    progress: Progress | None = None,
    known: StoredAllowance | None = None,
) -> Iterator[Worker]:
    progress = progress or NullProgress()
    tally = CallCounter(clock)
    transport = _transport(settings)

    def on_wait(seconds: float) -> None:
        progress.waiting(seconds)
        # Nothing may be written any more until the wait is over, and others want to know of it.
        loader.submit(keeper.keep)

    def lifted_at() -> datetime | None:
        try:
            with destination.reader() as view:
                return allowance_lifted_at(view)
        except DestinationError:
            return None  # whoever writes next will find out

    budget = _budget(settings, clock, known, on_wait, lifted_at)
    keeper = AllowanceKeeper(budget, clock)
    loader = Writer(destination, tally, keeper)
    try:
        yield Worker(
            settings,
            Services(
                procore=_procore(settings, transport, budget, tally, clock, stop, on_new_secret, retry_policy),
                writer=loader,
                destination=destination,
                clock=clock,
                stop=stop,
                account_company_id=settings.procore.companies[0],
                max_concurrency=settings.limits.max_concurrency,
                streams=catalog_with(settings.streams),
                options=_options(settings),
                progress=progress,
            ),
            budget,
            destination,
        )
    finally:
        if budget.allowance.acquired:
            with suppress(DestinationError):
                loader.do(keeper.keep)
        loader.close()
        transport.close()


def _destination(
    settings: Settings | ReportSettings, database: Callable[[Path], SqliteDestination] = SqliteDestination
) -> SqliteDestination:
    if settings.destination.type != "sqlite":
        raise ConfigurationError(f"destination.type {settings.destination.type} is not built yet; use sqlite")
    return database(settings.destination.path)


def _transport(settings: Settings) -> Transport:
    proxy = settings.procore.proxy
    return Transport(
        proxy=proxy.get_secret_value() if proxy else None,
        ca_bundle=settings.procore.ca_bundle,
        deadline_seconds=settings.limits.request_timeout,
    )


def _budget(
    settings: Settings,
    clock: Clock,
    known: StoredAllowance | None,
    on_wait: Callable[[float], None],
    lifted_at: Callable[[], datetime | None],
) -> RateLimit:
    limits = settings.limits
    return RateLimit(
        clock,
        share=limits.budget_share,
        concurrency=limits.max_concurrency,
        known=known,
        on_wait=on_wait,
        lifted_at=lifted_at,
    )


def _procore(
    settings: Settings,
    transport: Transport,
    budget: RateLimit,
    tally: CallCounter,
    clock: Clock,
    stop: threading.Event,
    on_new_secret: Callable[[str], None],
    retry_policy: RetryPolicy | None,
) -> Procore:
    tokens = Tokens(
        settings.procore.login_url,
        settings.procore.client_id,
        settings.procore.client_secret,
        send=transport.send,
        clock=clock,
        on_new_secret=on_new_secret,
    )
    return Procore(
        settings.procore.api_url,
        transport=transport,
        tokens=tokens,
        rate_limit=budget,
        retry=Retry(retry_policy or RetryPolicy(), clock=clock, stop=stop),
        clock=clock,
        stop=stop,
        call_counter=tally,
    )


def _options(settings: Settings) -> Callable[[str], StreamOptions]:
    def options(stream: str) -> StreamOptions:
        said = settings.streams.get(stream)
        if said is None:
            return StreamOptions()
        return StreamOptions(
            per_page=said.per_page,
            lookback=DEFAULT_LOOKBACK if said.lookback is None else timedelta(seconds=said.lookback),
            start_on=said.start_date,
            excluded=frozenset(said.exclude_fields),
            reread=RereadRule(**said.reread.model_dump()),
            max_pages=said.max_pages,
            full_refresh_every=said.full_refresh_every,
            nested_everything_every=said.nested_everything_every,
            reconcile_every=said.reconcile_every,
            deleted_every=said.deleted_every,
            follows_deletes=said.deletes == "soft",
        )

    return options
