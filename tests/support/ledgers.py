"""The worker's own tables in every kind of database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

import pytest

from support.postgres import postgres_database
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
    if dialect is Dialect.POSTGRES:
        with postgres_database(request.getfixturevalue("postgres")) as database:
            with database.transaction() as transaction:
                migrate(transaction, dialect)
            yield database
        return
    destination = SqliteDestination(tmp_path / "procore.db")
    destination.open(holder="a test")
    with destination.transaction() as transaction:
        migrate(transaction, dialect)
    yield destination
    destination.close()
