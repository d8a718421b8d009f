"""Opens the database of a configuration, or refuses it."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sync_worker.clock import Clock
from sync_worker.destination.sqlite import SharedSqlite, SqliteDestination
from sync_worker.errors import ConfigurationError
from sync_worker.settings import ReportSettings, Settings
from sync_worker.state.allowance import StoredAllowance, read_allowance
from sync_worker.state.executor import View
from sync_worker.state.ledger import close_abandoned_runs
from sync_worker.state.migration import migrate, pending, refuse_other_version
from sync_worker.state.origin import Origin, origin_of, record_origin, refuse_other_origin


def configured_database(
    settings: Settings | ReportSettings, database: Callable[[Path], SqliteDestination] = SqliteDestination
) -> SqliteDestination:
    """Return the database, not yet opened; raises `ConfigurationError` for a type that is not built."""
    if settings.destination.type != "sqlite":
        raise ConfigurationError(f"destination.type {settings.destination.type} is not built yet; use sqlite")
    return database(settings.destination.path)


def filled_database(settings: Settings | ReportSettings) -> SqliteDestination:
    """Return the database that a run has filled; raises `ConfigurationError` when there is none."""
    destination, path = configured_database(settings), settings.destination.path
    if not path.is_file():
        raise ConfigurationError(f"no data yet: {path} does not exist; run `sync-worker run --all` first")
    with destination.reader() as view:
        refuse_other_version(view, "sqlite")
        if not view.has_table("_runs"):
            raise ConfigurationError(f"no data yet: {path} holds nothing; run `sync-worker run --all` first")
    return destination


@contextmanager
def readable_database(settings: Settings) -> Iterator[SqliteDestination]:
    """Yield the database without a lock; if nothing is stored, an empty temporary one.

    Raises `ConfigurationError` when the next run has to update it first.
    """
    destination = configured_database(settings, SharedSqlite)
    if destination.is_filled():
        with destination.reader() as view:
            missing = pending(view, "sqlite")
        if missing:
            raise ConfigurationError("an older version wrote the database; the next run, or the daemon, updates it")
        yield destination
        return
    with tempfile.TemporaryDirectory(prefix="sync-worker-") as folder:
        empty = SharedSqlite(Path(folder) / "empty.db")
        empty.open(holder="nobody")
        try:
            with empty.transaction() as transaction:
                migrate(transaction, "sqlite")
            yield empty
        finally:
            empty.close()


def make_database(settings: Settings) -> None:
    """Make the file and its bookkeeping tables, for `check`."""
    destination = configured_database(settings)
    destination.open(holder=holder_text("check, "))
    try:
        with destination.transaction() as transaction:
            migrate(transaction, "sqlite")
    finally:
        destination.close()


def begin(settings: Settings, database: SqliteDestination, clock: Clock, take: Callable[[], None]) -> StoredAllowance:
    """Open the database with `take`, migrate it, and close the runs that an earlier process left open.

    Returns the rate limit as the last process stored it.
    """
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


def refuse_database(settings: Settings) -> None:
    """Raise `ConfigurationError` if a run would not write to the existing database."""
    if settings.destination.type == "sqlite" and settings.destination.path.is_file():
        with SqliteDestination(settings.destination.path).reader() as view:
            admit(settings, view)


def admit(settings: Settings, view: View) -> None:
    """Raise `ConfigurationError` if the database belongs to another version or to another Procore."""
    refuse_other_version(view, "sqlite")
    refuse_other_origin(view, _origin(settings), settings.destination.path)


def holder_text(role: str) -> str:
    """Return the text that names this process to others while it holds the database."""
    return f"{role}process {os.getpid()} on {socket.gethostname()}"


def _origin(settings: Settings) -> Origin:
    return origin_of(settings.procore.login_url, settings.procore.api_url)
