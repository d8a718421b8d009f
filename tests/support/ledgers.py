"""The worker's own tables in every kind of database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Protocol

import pytest

from sync_worker.destination.sqlite import SqliteDestination
from sync_worker.state.dialect import Dialect
from sync_worker.state.executor import View
from sync_worker.state.migration import migrate


class Ledger(Protocol):
    """A database with the worker's own tables."""

    def reader(self) -> AbstractContextManager[View]:
        """Open a read-only view of what is committed."""
        ...

    def transaction(self) -> AbstractContextManager[View]:
        """Open a writing transaction."""
        ...


@contextmanager
def opened_ledger(dialect: Dialect, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    """Open a new database of that kind, its tables made."""
    if dialect is Dialect.SQLITE:
        with sqlite_ledger(tmp_path) as destination:
            yield destination
        return
    # Late, as in `conftest.py`: the tests that need no server need no driver.
    from support.postgres import postgres_database  # noqa: PLC0415

    with postgres_database(request.getfixturevalue("postgres")) as database:
        with database.transaction() as transaction:
            migrate(transaction, dialect)
        yield database


@contextmanager
def sqlite_ledger(folder: Path) -> Iterator[SqliteDestination]:
    """Open a new SQLite database as a destination, its tables made."""
    with closing(SqliteDestination(folder / "procore.db")) as destination:
        destination.open(holder="a test")
        with destination.transaction() as transaction:
            migrate(transaction, Dialect.SQLITE)
        yield destination
