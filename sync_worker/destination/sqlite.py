"""SQLite in WAL mode: one writer, any number of readers on the same host."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from datetime import date, datetime
from pathlib import Path

from sync_worker.catalog.spec import StreamSpec
from sync_worker.clock import utc_text
from sync_worker.destination.file import HeldFile, is_locked
from sync_worker.destination.key_sets import (
    CREATE_KEY_SETS,
)
from sync_worker.destination.log import is_of_another, logs_of, set_aside
from sync_worker.destination.sqlite_transaction import SqliteTransaction, prepare_table
from sync_worker.errors import (
    ConfigurationError,
    DatabaseDamagedError,
    DatabaseLostError,
    DestinationError,
    LockHeldError,
    TableError,
)

Admit = Callable[["SqliteTransaction"], None]
"""Checks a database before it is written to, and raises if it must not be."""

_READER_SECONDS = 30
_WRITER_TRIES = 600
_ASIDE_TRIES = 30
_SAID_AFTER = 5
_SAID_EVERY = 60
_CLOSING_SECONDS = 1
BLOCKED = "another program holds a write open; end its transaction (a database browser with unsaved changes?)"
_AFTER_LOSS = "nothing more is written to the old file, and the next run opens the one that is there then"
_WRITER_PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    # A commit survives a killed process; after a power cut the last ones may be gone, rows and checkpoint together.
    "PRAGMA synchronous = NORMAL",
    # After a long reader the log would otherwise stay at its largest size for ever.
    "PRAGMA journal_size_limit = 67108864",
    "PRAGMA cache_size = -8000",
)

# `sqlite3` binds instants and days as the contract writes them. Its own adapters are deprecated since Python 3.12, and
# write a blank for the `T` and an offset for the `Z`.
sqlite3.register_adapter(datetime, utc_text)
sqlite3.register_adapter(date, date.isoformat)
_choosing_folder = threading.Lock()


class SqliteDestination:
    """One database file, held for writing by only this process from `open` to `close`.

    While another program writes, each try to write takes `try_seconds`.
    """

    def __init__(self, path: Path, try_seconds: float = 1.0) -> None:
        self._path = path
        self._try_seconds = try_seconds
        self._holder_name = ""
        self._admit: Admit = lambda _: None
        self._stop: threading.Event | None = None
        self._file: HeldFile | None = None
        self._lost_file: HeldFile | None = None
        self._writer: sqlite3.Connection | None = None
        self._damage: str | None = None
        # A run prepares its tables while the writer of another one stores rows.
        self._writing = threading.Lock()

    def open(self, holder: str, *, admit: Admit = lambda _: None, stop: threading.Event | None = None) -> None:
        """Take the database for writing, naming ourselves as `holder`.

        `admit` is called before anything is written, and may raise; `stop` ends waiting for another program.
        Raises `ConfigurationError` where the file cannot be made, `LockHeldError` naming who holds it.
        """
        self._holder_name, self._admit, self._stop = holder, admit, stop
        self._open(create=True, tries=_WRITER_TRIES)

    def reopen(self) -> None:
        """Open the file that is at the path now instead of the one that was lost; raises as `open`."""
        with self._writing:
            self._close_writer()
            if self._file is not None:
                self._file.unlock()
                self._lost_file, self._file = self._file, None
            if self._lost_file is not None:
                self._lost_file.part_with_logs()
            self._open(create=False, tries=_ASIDE_TRIES)

    def _open(self, *, create: bool, tries: int) -> None:
        self._file = self._take_file(create=create)
        # Before anything is opened: if it is the same file, SQLite's locks on it would end here.
        self._forget_lost_file()
        self._damage = None
        try:
            self._leave_log_of_another()
            connection = self._connect()
            self._writer = connection
            self._begin(connection, tries)
            self._admit(SqliteTransaction(connection))
            connection.execute("ROLLBACK")
            for pragma in _WRITER_PRAGMAS:
                connection.execute(pragma)
            connection.execute(CREATE_KEY_SETS)
            with self._transaction_on(connection, tries) as transaction:
                transaction.execute("CREATE TABLE IF NOT EXISTS _holder (holder TEXT NOT NULL)")
                transaction.execute("DELETE FROM _holder")
                transaction.execute("INSERT INTO _holder VALUES (:holder)", {"holder": self._holder_name})
            self._file.know_logs()
        except (sqlite3.DatabaseError, DatabaseDamagedError) as error:
            self.close()
            if isinstance(error, sqlite3.Error) and _is_busy(error):
                raise DestinationError(_explained(self._path, error)) from None
            raise ConfigurationError(
                f"{self._path} cannot be used as the database: {error}; "
                "restore a backup (docs/operations.md), or name another file in destination.path"
            ) from None
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._close_writer()
        if self._file is not None:
            self._file.part_with_logs()
            self._file.close()
            self._file = None
        self._forget_lost_file()

    def _close_writer(self) -> None:
        if self._writer is None:
            return
        if self._file is not None and self._file.lost() is not None:
            self._file.forbid_checkpoint()
        else:
            # Without a truncating checkpoint a busy reader lets the log grow for months; one that fails loses
            # nothing, so a reader that stays is not waited for.
            with suppress(sqlite3.Error):
                self._writer.execute(f"PRAGMA busy_timeout = {_CLOSING_SECONDS * 1000}")
                self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        self._writer.close()
        self._writer = None

    def _forget_lost_file(self) -> None:
        if self._lost_file is not None:
            self._lost_file.close()
            self._lost_file = None

    def _leave_log_of_another(self) -> None:
        """Rename a log that belongs to another file: a backup may have been put in the place of its database."""
        if not is_of_another(self._path):
            return
        set_aside(*logs_of(self._path))
        # Imported late: the help of a command that only reads needs no logging.
        from sync_worker.logs import Event, get_logger  # noqa: PLC0415 - as above

        get_logger().warning(Event.DATABASE_LOG_SET_ASIDE, path=str(self._path))

    def trouble(self) -> str | None:
        """Return what is wrong with the database that is open, in one line, or None."""
        if self._damage is not None:
            return self._damage
        if self._file is None:
            return f"{self._path} is not open for writing"
        lost = self._file.lost()
        return None if lost is None else f"{lost}; {_AFTER_LOSS}"

    def is_lost(self) -> bool:
        """Return True if the file that was opened is not the one at the path any more."""
        return self._file is None or self._file.lost() is not None

    def transaction(self) -> AbstractContextManager[SqliteTransaction]:
        return self._held_transaction()

    @contextmanager
    def _held_transaction(self) -> Iterator[SqliteTransaction]:
        with self._writing:
            if self._writer is None:
                raise DestinationError(f"{self._path} is not open for writing")
            with self._transaction_on(self._writer, _WRITER_TRIES) as transaction:
                yield transaction

    @contextmanager
    def short_write(self) -> Iterator[SqliteTransaction]:
        """Write on a connection of its own, also while another process holds the database."""
        self._require_file()
        try:
            opened = self._connect()
        except sqlite3.Error as error:
            raise self._refusal(error) from error
        with closing(opened) as connection, self._transaction_on(connection, _ASIDE_TRIES) as transaction:
            transaction.execute(CREATE_KEY_SETS)
            yield transaction

    @contextmanager
    def _transaction_on(self, connection: sqlite3.Connection, tries: int) -> Iterator[SqliteTransaction]:
        self._require_file()
        try:
            self._begin(connection, tries)
            changes = connection.total_changes
            yield SqliteTransaction(connection, self._refusal)
            self._require_file()
            if connection.total_changes != changes:
                _count_commit(connection)
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            _roll_back(connection)
            raise self._refusal(error) from error
        except BaseException:
            _roll_back(connection)
            raise
        # A commit at the moment when the file was replaced went into the old file.
        self._require_file()

    def _begin(self, connection: sqlite3.Connection, tries: int) -> None:
        """Begin to write as soon as no other program does; each try takes `try_seconds`."""
        for tried in range(1, tries + 1):
            try:
                # A deferred transaction that turns into a writing one fails at once, whatever the timeout.
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if _is_busy(error) and tried < tries:
                    if tried == _SAID_AFTER or not tried % _SAID_EVERY:
                        # Imported late: the help of a command that only reads needs no logging.
                        from sync_worker.logs import Event, get_logger  # noqa: PLC0415 - as above

                        get_logger().warning(
                            Event.DATABASE_BLOCKED,
                            path=str(self._path),
                            seconds=tried * self._try_seconds,
                            error=BLOCKED,
                        )
                    if self._stop is not None and self._stop.is_set():
                        raise DestinationError(f"stopped while {BLOCKED}: {self._path}") from None
                    continue
                raise
            else:
                return

    @contextmanager
    def reader(self) -> Iterator[SqliteTransaction]:
        self._require_file()
        try:
            with closing(open_read_only(self._path)) as connection:
                connection.execute("BEGIN")
                yield SqliteTransaction(connection)
        except sqlite3.Error as error:
            raise self._refusal(error) from error

    def prepare(self, specs: Sequence[StreamSpec]) -> Mapping[str, str]:
        with self.transaction() as transaction:
            found = {spec.name: prepare_table(transaction, spec) for spec in specs}
        return {name: reason for name, reason in found.items() if reason is not None}

    def release_memory(self) -> None:
        """Free SQLite's page cache, which otherwise stays at its largest size (8 MB) between runs."""
        with self._writing, suppress(sqlite3.Error):
            if self._writer is not None:
                self._writer.execute("PRAGMA shrink_memory")

    def _connect(self) -> sqlite3.Connection:
        """Connect to the file without creating it: a file that was lost would come back empty."""
        return _connected(self._path, "rw", self._try_seconds)

    def _take_file(self, *, create: bool) -> HeldFile:
        """Lock the database file itself, so that two configurations of one database see each other."""
        if (taken := HeldFile.take(self._path, create=create)) is not None:
            return taken
        holder = self._holder()
        # Another process may have had the lock only for the moment of `is_held`; try once more.
        if (taken := HeldFile.take(self._path, create=create)) is not None:
            return taken
        raise LockHeldError(f"{self._path} is held by {holder}; stop it first, or let it do the work", holder=holder)

    def _require_file(self) -> None:
        """Raise `DatabaseLostError` when the file that is held is not the one at the path any more."""
        if self._file is not None and (lost := self._file.lost()) is not None:
            raise DatabaseLostError(f"{lost}; {_AFTER_LOSS}")

    def _refusal(self, error: sqlite3.Error) -> DestinationError:
        name = getattr(error, "sqlite_errorname", "")
        if isinstance(error, sqlite3.IntegrityError):
            return TableError(
                f"{self._path}: {error}; remove the constraint or the trigger that was added to the table, or drop the "
                "table: the next run makes it again and fills it"
            )
        if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
            self._damage = (
                f"{self._path} is damaged ({error}); stop the worker and restore a backup: docs/operations.md"
            )
            return DatabaseDamagedError(self._damage)
        return DestinationError(_explained(self._path, error))

    def damage(self) -> str | None:
        """Return the first thing that SQLite finds wrong with the file's structure; reads all of it."""
        with self.reader() as view:
            ((found,),) = view.execute("PRAGMA quick_check(1)")
        return None if found == "ok" else " ".join(str(found).split())

    def is_blocked(self) -> bool:
        """Return True if another program has been writing for longer than one try waits."""
        try:
            with closing(self._connect()) as connection:
                connection.execute("BEGIN IMMEDIATE")
                connection.execute("ROLLBACK")
        except sqlite3.Error as error:
            return _is_busy(error)
        return False

    def is_held(self) -> bool:
        """Return True if some process holds the database for writing."""
        return is_locked(self._path)

    def holder(self) -> str | None:
        """Return who holds the database for writing, None if nobody does."""
        return self._holder() if self.is_held() else None

    def is_filled(self) -> bool:
        """Return True if there is a database that a worker has written to."""
        if not self._path.is_file():
            return False
        with self.reader() as view:
            return view.has_table("_migrations")

    def _holder(self) -> str:
        try:
            with self.reader() as view:
                return str(view.execute("SELECT holder FROM _holder")[0][0])
        except DatabaseDamagedError:
            raise
        except (DestinationError, IndexError):
            return "another process that is just starting"


class SharedSqlite(SqliteDestination):
    """The database for a process that does not hold it; each transaction is a short write next to the holder's."""

    def transaction(self) -> AbstractContextManager[SqliteTransaction]:
        return self.short_write()


def open_read_only(path: Path) -> sqlite3.Connection:
    """Return a connection that can neither write nor create the file; others may write meanwhile."""
    connection = _connected(path, "ro", _READER_SECONDS)
    connection.execute("PRAGMA query_only = ON")
    return connection


def _connected(path: Path, mode: str, seconds: float) -> sqlite3.Connection:
    if path.exists() and not path.is_file():
        # Opening a pipe would wait until somebody writes to it.
        raise DestinationError(f"{path} is not a regular file")
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=seconds,
        isolation_level=None,
        check_same_thread=False,
    )
    _keep_temporary_files_in(connection, path.parent)
    return connection


def _keep_temporary_files_in(connection: sqlite3.Connection, folder: Path) -> None:
    """Keep SQLite's temporary files next to the database: that folder can be written and has room.

    The setting is the process's; while others read it, it must not change, so the first one stands.
    """
    with _choosing_folder:
        (chosen,) = connection.execute("PRAGMA temp_store_directory").fetchone() or ("",)
        if not chosen and os.access(folder, os.W_OK):
            escaped = str(folder.absolute()).replace("'", "''")
            connection.execute(f"PRAGMA temp_store_directory = '{escaped}'")
    # SQLite may be built to keep them in memory: the keys of a long list are in one.
    connection.execute("PRAGMA temp_store = FILE")


def _count_commit(connection: sqlite3.Connection) -> None:
    """Add one to `user_version` in the file's header, by which `log.py` tells which log belongs to the file."""
    ((commits,),) = connection.execute("PRAGMA user_version")
    connection.execute(f"PRAGMA user_version = {(commits + 1) % 2**31}")


def _roll_back(connection: sqlite3.Connection) -> None:
    # SQLite may have rolled back by itself, as it does when the disk is full.
    if connection.in_transaction:
        connection.execute("ROLLBACK")


def _is_busy(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorname", "").startswith("SQLITE_BUSY")


def _explained(path: Path, error: sqlite3.Error) -> str:
    name = getattr(error, "sqlite_errorname", "")
    if name == "SQLITE_FULL":
        return f"disk full: {path} cannot grow; make room on {os.fspath(path.parent)}, the next run goes on by itself"
    if name == "SQLITE_IOERR_WRITE":
        # A quota and a limit of file size answer this way.
        return f"{path} cannot be written ({error}): disk full, over quota, or broken; the next run goes on by itself"
    if name == "SQLITE_IOERR_GETTEMPPATH":
        return f"{path}: no folder for SQLite's temporary files can be written; make {path.parent} writable"
    if name.startswith("SQLITE_BUSY"):
        return f"{path}: {BLOCKED}"
    return f"{path}: {error}"
