"""The interface of a destination; the contract tests in tests/contract run against every implementation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date
from typing import NamedTuple, Protocol

from sync_worker.catalog.spec import StreamSpec
from sync_worker.model import Key

Parameter = int | str | bool | None
"""A value of a column."""
Bound = Parameter | date
"""A value bound to a statement; an instant (`datetime`, a `date` to Python) is in UTC."""


class StoredRow(NamedTuple):
    """A row that is already stored.

    `scope` and `tracked` are the values of the spec's scope columns and of its tracked fields.
    """

    row_hash: str
    run_id: str
    version: str
    is_deleted: bool
    scope: tuple[Parameter, ...]
    tracked: tuple[Parameter, ...]


class Extent(NamedTuple):
    """Rows of a scope: all, or those of some parents (the column, the set of its values), or of some days.

    `days` are the column, the first day and the last.
    """

    scope: Mapping[str, int]
    parents: tuple[str, int] | None = None
    days: tuple[str, str, str] | None = None


class KeySets(Protocol):
    """Sets of the keys of a stream's rows, by number: too many to keep in memory.

    They outlive transactions, and only the connection that made them sees them. The worker's own statements find them
    in `_key_sets (key_set, key)`.
    """

    def add(self, spec: StreamSpec, into: int, keys: Sequence[Key]) -> int:
        """Add keys to a set; return how many of them are new to it."""
        ...

    def add_values(self, spec: StreamSpec, name: str, into: int, values: Sequence[int | str]) -> None:
        """Add values to a set, in the form that a column has them."""
        ...

    def add_deleted(self, spec: StreamSpec, name: str, scope: Mapping[str, int], into: int) -> None:
        """Add the values of a column in the deleted rows of a scope to a set."""
        ...

    def add_missing(
        self, spec: StreamSpec, extent: Extent, into: int, *, seen: int, reported: int | None = None
    ) -> int:
        """Add the keys of the live rows within an extent that were not `seen` to an empty set; return their number.

        Where a set `reported` is named, only keys that are in it.
        """
        ...

    def intersection(self, spec: StreamSpec, key_set: int, keys: Sequence[Key]) -> set[Key]:
        """Return those of the keys that are in a set."""
        ...

    def is_same(self, one: int, other: int) -> bool:
        """Return True if two sets hold the same keys."""
        ...

    def read(self, spec: StreamSpec, key_set: int) -> list[Key]:
        """Return the keys in a set."""
        ...

    def drop(self, *key_sets: int) -> None:
        """Empty sets."""
        ...


class Transaction(Protocol):
    """One unit of change: all of it is stored or none. Must not be used after its `with` block."""

    @property
    def key_sets(self) -> KeySets:
        """The sets of keys of this connection."""
        ...

    @property
    def is_open(self) -> bool:
        """False once the database has rolled it back by itself, as after a full disk."""
        ...

    def savepoint(self) -> AbstractContextManager[None]:
        """Undo what the block changed if it raises; what the transaction changed before stays."""
        ...

    def execute(self, sql: str, parameters: Mapping[str, Bound] | None = None) -> list[tuple[Parameter, ...]]:
        """Run one statement with `:name` parameters; return its rows, if any."""
        ...

    def execute_many(self, sql: str, parameters: Sequence[Mapping[str, Bound]]) -> None:
        """Run one statement for each set of parameters."""
        ...

    def insert(self, table: str, columns: tuple[str, ...], rows: Sequence[Sequence[Bound]]) -> None:
        """Append rows to one of the worker's own tables."""
        ...

    def unchanged(self, spec: StreamSpec, hashes: Mapping[Key, str]) -> set[Key]:
        """Return those of the keys whose row is there, not deleted, with that hash."""
        ...

    def stored(self, spec: StreamSpec, keys: Sequence[Key]) -> dict[Key, StoredRow]:
        """Return the rows stored under these keys."""
        ...

    def rows(self, spec: StreamSpec, keys: Sequence[Key]) -> dict[Key, tuple[Parameter, ...]]:
        """Return the data columns and `_extra` of the rows stored under these keys."""
        ...

    def rehash(self, spec: StreamSpec, hashes: Mapping[Key, str]) -> None:
        """Give rows another hash; nothing else of them changes."""
        ...

    def live_values(
        self, spec: StreamSpec, columns: Sequence[str], scope: Mapping[str, int]
    ) -> list[tuple[Parameter, ...]]:
        """Return these columns of the live rows of a scope, in the order of the primary key."""
        ...

    def newest_extras(self, stream: str, most: int) -> list[str | None]:
        """Return `_extra` of up to `most` live rows of a stream, the newest first as far as the database knows."""
        ...

    def has_table(self, name: str, *, with_column: str | None = None) -> bool:
        """Return True if there is a table of this name that has this column, or any."""
        ...

    def lacks_columns(self, spec: StreamSpec) -> bool:
        """Return True if a stream's table is not there, or is there without some of its columns."""
        ...

    def live_count(self, stream: str, scope: Mapping[str, int] | None = None) -> int:
        """Return the number of live rows of a stream's table, or of a scope in it."""
        ...

    def live_counts(
        self, spec: StreamSpec, by: Sequence[str], between: tuple[str, str, str] | None = None
    ) -> dict[tuple[Parameter, ...], int]:
        """Return the number of live rows of a stream, by the values of some columns.

        With `between` (a column and two values, both inclusive) only rows whose column lies between them.
        """
        ...

    def merge(self, spec: StreamSpec, rows: Sequence[Sequence[Parameter]]) -> None:
        """Insert or replace whole rows by primary key; values in the order of `columns_of(spec)`."""
        ...

    def mark_deleted(
        self, spec: StreamSpec, scope: Mapping[str, int], key_set: int, *, at: str, run_id: str | None
    ) -> int:
        """Mark the live rows of a scope that are in a set as deleted at that instant; return their number."""
        ...


class Readable(Protocol):
    """A database to read from."""

    def reader(self) -> AbstractContextManager[Transaction]:
        """Open a read-only view of what is committed, for any thread."""
        ...


class Destination(Readable, Protocol):
    """A database that takes rows, progress, verdicts and checkpoints in one transaction."""

    def transaction(self) -> AbstractContextManager[Transaction]:
        """Open a writing transaction; only one thread may write. Raises `DestinationError` if nothing was stored."""
        ...

    def short_write(self) -> AbstractContextManager[Transaction]:
        """Open a short writing transaction, from any thread and also from a process that does not hold the database."""
        ...

    def prepare(self, specs: Sequence[StreamSpec]) -> Mapping[str, str]:
        """Create the tables of these streams, or add the columns they lack; never drops one.

        Returns why a stream cannot be stored, for those that cannot; the others are prepared all the same.
        """
        ...

    def close(self) -> None:
        """Release the database; its log is written into the file."""
        ...


SYNC_COLUMNS = ("_run_id", "_loaded_at", "_deleted_at", "_row_hash", "_extra")


def columns_of(spec: StreamSpec) -> tuple[str, ...]:
    """Return all columns of a stream's table in order."""
    return (*spec.columns, *SYNC_COLUMNS)
