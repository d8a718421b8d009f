"""SQL that a person runs on the database; the database itself refuses anything but reading."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from sync_worker.destination.sqlite import open_read_only
from sync_worker.errors import ConfigurationError

Value = int | float | str | bytes | None

_READING = frozenset(
    {
        sqlite3.SQLITE_SELECT,
        sqlite3.SQLITE_READ,
        sqlite3.SQLITE_FUNCTION,
        sqlite3.SQLITE_RECURSIVE,
        sqlite3.SQLITE_PRAGMA,
    }
)
# Python handles a signal only between two steps of its interpreter, and a long query takes none.
_STEPS_BETWEEN_SIGNALS = 100_000


class QueryResult(NamedTuple):
    """The names of the columns, and the rows as they come from the database."""

    columns: Sequence[str]
    rows: Iterator[tuple[Value, ...]]


@contextmanager
def run_query(path: Path, sql: str) -> Iterator[QueryResult]:
    """Yield the result of one statement; raise `ConfigurationError` if it is wrong or would do more than read."""
    try:
        with closing(open_read_only(path)) as connection:
            connection.text_factory = _text
            # Read-only as the file is, other files could be attached, and written by VACUUM INTO.
            connection.set_authorizer(_only_reading)
            connection.set_progress_handler(lambda: 0, _STEPS_BETWEEN_SIGNALS)
            cursor = connection.execute(sql)
            yield QueryResult([name for name, *_ in cursor.description or ()], cursor)
    except (sqlite3.Error, sqlite3.Warning) as error:
        if getattr(error, "sqlite_errorname", "") == "SQLITE_INTERRUPT":
            raise KeyboardInterrupt from None
        raise ConfigurationError(_explained(error)) from None


def _only_reading(action: int, *_: str | None) -> int:
    return sqlite3.SQLITE_OK if action in _READING else sqlite3.SQLITE_DENY


def _text(content: bytes) -> str:
    return content.decode("utf-8", "replace")


def _explained(error: Exception) -> str:
    if getattr(error, "sqlite_errorname", "") in ("SQLITE_AUTH", "SQLITE_READONLY"):
        return "the query would do more than read; one SELECT at a time is answered"
    return f"the query cannot be answered: {error}"
