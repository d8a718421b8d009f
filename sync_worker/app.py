"""Builds the client, the services and the worker from the settings: the only place that knows all of them."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from sync_worker.client.call_counter import CallCounter
from sync_worker.client.procore import Procore
from sync_worker.client.rate_limit import RateLimit
from sync_worker.client.retry import Retry, RetryPolicy
from sync_worker.client.tokens import Tokens
from sync_worker.client.transport import Transport
from sync_worker.clock import Clock
from sync_worker.database import (
    admit,
    begin,
    configured_database,
    holder_text,
    make_database,
    readable_database,
    refuse_database,
)
from sync_worker.destination.sqlite import SharedSqlite, SqliteDestination
from sync_worker.doctor.check import Checkup, check_up
from sync_worker.errors import DestinationError, StopRequested
from sync_worker.forecast.outlook import Outlook, forecast
from sync_worker.load.writer import Writer
from sync_worker.logs import Event, get_logger
from sync_worker.model import RunRequest
from sync_worker.planning.options import StreamOptions
from sync_worker.planning.windows import DEFAULT_LOOKBACK, RereadRule
from sync_worker.progress import NullProgress, Progress
from sync_worker.runner.allowance import AllowanceKeeper
from sync_worker.runner.worker import Worker, run_context
from sync_worker.scheduler.heartbeat import heartbeat_path
from sync_worker.services import Services
from sync_worker.settings import Settings
from sync_worker.settings.own_streams import catalog_with
from sync_worker.state.allowance import StoredAllowance, allowance_lifted_at, read_allowance

_NEW_AGAIN = "if its database is on a volume that is not mounted, stop, mount it and delete the new file"
_TWO_ATTEMPTS = RetryPolicy(attempts=2, longest_wait_seconds=2.0)
"""For `check`, as a person waits for its result."""

log = get_logger()


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
    """Build the worker, hold its database while it is used, and release everything; `role` is part of the holder text.

    `database` opens the file at a path. Raises before any call is spent: `ConfigurationError`, `LockHeldError`, and
    `StopRequested` if `stop` is set while another program blocks the database.
    """
    destination = configured_database(settings, database)
    path, heartbeat = settings.destination.path, heartbeat_path(settings.data_dir)
    if not path.exists() and heartbeat.exists():
        log.warning(
            Event.DATABASE_CREATED, path=str(path), error=f"a daemon has run before ({heartbeat}); {_NEW_AGAIN}"
        )
    take = partial(destination.open, holder_text(role), admit=partial(admit, settings), stop=stop)
    try:
        known = begin(settings, destination, clock, take)
    except DestinationError as refusal:
        if stop.is_set():
            raise StopRequested(str(refusal)) from None
        raise
    try:
        # Imported objects stay; unfrozen, the garbage collector would search them again and again while pages are read.
        gc.freeze()
        with _services(settings, destination, clock, stop, on_new_secret, retry_policy, progress, known) as services:
            yield Worker(settings, services, destination)
    finally:
        destination.close()


def forecast_requests(
    settings: Settings,
    requests: Sequence[RunRequest],
    *,
    clock: Clock,
    ticks_a_day: Sequence[float] = (),
    probing: bool = False,
    stop: threading.Event | None = None,
    on_new_secret: Callable[[str], None] = lambda secret: None,  # noqa: ARG005 - without probes there is none
) -> Outlook:
    """Return what each request would read, from stored data and, if `probing`, from samples; needs no lock.

    `ticks_a_day` is how often the schedule of each request runs it.
    """
    refuse_database(settings)
    stop = stop or threading.Event()
    with (
        readable_database(settings) as destination,
        _services(settings, destination, clock, stop, on_new_secret, known=_known(destination)) as services,
    ):
        runs = [run_context(settings, services, request) for request in requests]
        return forecast(services, runs, ticks_a_day=ticks_a_day, probing=probing)


def check_access(
    settings: Settings,
    request: RunRequest,
    *,
    stop: threading.Event,
    on_new_secret: Callable[[str], None],
    clock: Clock,
    progress: Progress | None = None,
    keeps: bool = True,
) -> Checkup:
    """Return which streams of `request` Procore permits; if `keeps`, store it in the database, made if need be."""
    with suppress(DestinationError):
        refuse_database(settings)
    destination = configured_database(settings, SharedSqlite)
    if keeps and not destination.is_filled():
        make_database(settings)
    hosts = [str(settings.procore.login_url), str(settings.procore.api_url)]
    known = _known(destination)
    with _services(settings, destination, clock, stop, on_new_secret, _TWO_ATTEMPTS, progress, known) as services:
        return check_up(services, run_context(settings, services, request), hosts, keeps=keeps)


def _known(destination: SqliteDestination) -> StoredAllowance | None:
    with suppress(DestinationError), destination.reader() as view:
        return read_allowance(view)
    return None


@contextmanager
def _services(
    settings: Settings,
    destination: SqliteDestination,
    clock: Clock,
    stop: threading.Event,
    on_new_secret: Callable[[str], None],
    retry_policy: RetryPolicy | None = None,
    progress: Progress | None = None,
    known: StoredAllowance | None = None,
) -> Iterator[Services]:
    """Build the client and the writer, and close both at the end; `known` is the rate limit as stored."""
    progress = progress or NullProgress()
    counter = CallCounter(clock)
    procore, limits = settings.procore, settings.limits
    transport = Transport(
        proxy=procore.proxy.get_secret_value() if procore.proxy else None,
        ca_bundle=procore.ca_bundle,
        deadline_seconds=limits.request_timeout,
    )
    tokens = Tokens(
        procore.login_url,
        procore.client_id,
        procore.client_secret,
        send=transport.send,
        clock=clock,
        on_new_secret=on_new_secret,
    )

    def on_wait(seconds: float) -> None:
        progress.waiting(seconds)
        # Other processes show the wait, and no other write may come before it is over.
        writer.submit(keeper.keep)

    def lifted_at() -> datetime | None:
        try:
            with destination.reader() as view:
                return allowance_lifted_at(view)
        except DestinationError:
            return None  # the next write finds out

    rate_limit = RateLimit(
        clock,
        share=limits.budget_share,
        concurrency=limits.max_concurrency,
        known=known,
        on_wait=on_wait,
        lifted_at=lifted_at,
    )
    client = Procore(
        procore.api_url,
        transport=transport,
        tokens=tokens,
        rate_limit=rate_limit,
        retry=Retry(retry_policy or RetryPolicy(), clock=clock, stop=stop),
        clock=clock,
        stop=stop,
        call_counter=counter,
    )
    keeper = AllowanceKeeper(rate_limit, clock)
    writer = Writer(destination, counter, keeper)
    try:
        yield Services(
            procore=client,
            rate_limit=rate_limit,
            writer=writer,
            destination=destination,
            clock=clock,
            stop=stop,
            account_company_id=procore.companies[0],
            max_concurrency=limits.max_concurrency,
            streams=catalog_with(settings.streams),
            options=_options(settings),
            progress=progress,
        )
    finally:
        if rate_limit.allowance.acquired:
            with suppress(DestinationError):
                writer.do(keeper.keep)
        writer.close()
        transport.close()


def _options(settings: Settings) -> Callable[[str], StreamOptions]:
    def options(stream: str) -> StreamOptions:
        configured = settings.streams.get(stream)
        if configured is None:
            return StreamOptions()
        return StreamOptions(
            per_page=configured.per_page,
            lookback=DEFAULT_LOOKBACK if configured.lookback is None else timedelta(seconds=configured.lookback),
            start_on=configured.start_date,
            excluded=frozenset(configured.exclude_fields),
            reread=RereadRule(**configured.reread.model_dump()),
            max_pages=configured.max_pages,
            full_refresh_every=configured.full_refresh_every,
            nested_everything_every=configured.nested_everything_every,
            reconcile_every=configured.reconcile_every,
            deleted_every=configured.deleted_every,
            follows_deletes=configured.deletes == "soft",
        )

    return options
