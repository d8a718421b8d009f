"""A transaction on a connection to SQLite: the statements on the tables of streams and on the worker's own."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import chain

from sync_worker.catalog.spec import StreamSpec
from sync_worker.destination.key_sets import SqliteKeySets, as_json, live_index_sql, mark_deleted_sql
from sync_worker.destination.names import (
    column,
    columns,
    declared_type,
    given_parts,
    in_scope,
    known,
    quoted,
    scope_parameters,
    too_wide,
)
from sync_worker.destination.protocol import SYNC_COLUMNS, Bound, Parameter, StoredRow, columns_of
from sync_worker.errors import DestinationError
from sync_worker.model import Key

Refusal = Callable[[sqlite3.Error], DestinationError]
"""Turns an error of SQLite into ours."""

_ROWS_A_STATEMENT = 16


class SqliteTransaction:
    """A transaction on one connection; see `destination.protocol.Transaction`."""

    def __init__(self, connection: sqlite3.Connection, refusal: Refusal | None = None) -> None:
        self._connection = connection
        self._refusal = refusal
        self.key_sets = SqliteKeySets(connection)

    @property
    def is_open(self) -> bool:
        return self._connection.in_transaction

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        self._connection.execute("SAVEPOINT piece")
        try:
            yield
        except BaseException as error:
            # SQLite may have rolled back all of it by itself, as it does when the disk is full.
            if self.is_open:
                self._connection.execute("ROLLBACK TO piece")
                self._connection.execute("RELEASE piece")
            if isinstance(error, sqlite3.Error) and self._refusal is not None:
                raise self._refusal(error) from error
            raise
        self._connection.execute("RELEASE piece")

    def execute(self, sql: str, parameters: Mapping[str, Bound] | None = None) -> list[tuple[Parameter, ...]]:
        return self._connection.execute(sql, parameters or {}).fetchall()

    def compile(self, sql: str, parameters: Sequence[Parameter]) -> None:
        """Compile a statement without running it; raises SQLite's error if it is wrong."""
        self._connection.execute(f"EXPLAIN {sql}", parameters).close()

    def execute_many(self, sql: str, parameters: Sequence[Mapping[str, Bound]]) -> None:
        self._connection.executemany(sql, parameters)

    def insert(self, table: str, columns: tuple[str, ...], rows: Sequence[Sequence[Bound]]) -> None:
        self._insert(rows, lambda count: _insert_sql(table, columns, count))

    def unchanged(self, spec: StreamSpec, hashes: Mapping[Key, str]) -> set[Key]:
        keys = {str(key[0]) if len(key) == 1 else json.dumps(key): key for key in hashes}
        given = json.dumps(dict(zip(keys, hashes.values(), strict=True)))
        found = self._connection.execute(_unchanged_sql(spec), (given,)).fetchone()[0]
        return {keys[text] for text in json.loads(found)}

    def stored(self, spec: StreamSpec, keys: Sequence[Key]) -> dict[Key, StoredRow]:
        width, scopes = len(spec.primary_key), len(spec.scope_columns)
        found: dict[Key, StoredRow] = {}
        for row in self._connection.execute(_stored_sql(spec), (as_json(keys),)):
            key, (row_hash, run_id, version, deleted_at, *rest) = row[:width], row[width:]
            scope, tracked = tuple(rest[:scopes]), tuple(rest[scopes:])
            found[key] = StoredRow(row_hash, run_id, version or "", deleted_at is not None, scope, tracked)
        return found

    def rows(self, spec: StreamSpec, keys: Sequence[Key]) -> dict[Key, tuple[Parameter, ...]]:
        width = len(spec.primary_key)
        found = self._connection.execute(_rows_sql(spec), (as_json(keys),))
        return {row[:width]: row[width:] for row in found}

    def rehash(self, spec: StreamSpec, hashes: Mapping[Key, str]) -> None:
        same = " AND ".join(f"{quoted(name)} = ?" for name in spec.primary_key)
        sql = f"UPDATE {quoted(spec.name)} SET _row_hash = ? WHERE {same}"
        self._connection.executemany(sql, [(row_hash, *key) for key, row_hash in hashes.items()])

    def live_values(
        self, spec: StreamSpec, names: Sequence[str], scope: Mapping[str, int]
    ) -> list[tuple[Parameter, ...]]:
        live = f"FROM {known(spec.name)} WHERE known._deleted_at IS NULL{in_scope(tuple(scope))}"
        sql = f"SELECT {columns(names)} {live} ORDER BY {columns(spec.primary_key)}"
        return self.execute(sql, scope_parameters(scope))

    def newest_extras(self, stream: str, most: int) -> list[str | None]:
        live = f"FROM {quoted(stream)} WHERE _deleted_at IS NULL ORDER BY rowid DESC LIMIT :most"
        return [
            None if extra is None else str(extra) for (extra,) in self.execute(f"SELECT _extra {live}", {"most": most})
        ]

    def has_table(self, name: str, *, with_column: str | None = None) -> bool:
        found = self.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = :name", {"name": name})
        return bool(found) and (with_column is None or with_column in _columns_present(self, name))

    def lacks_columns(self, spec: StreamSpec) -> bool:
        return not _columns_present(self, spec.name).issuperset(map(str.lower, columns_of(spec)))

    def live_count(self, stream: str, scope: Mapping[str, int] | None = None) -> int:
        scope = scope or {}
        live = f"FROM {known(stream)} WHERE known._deleted_at IS NULL{in_scope(tuple(scope))}"
        ((found,),) = self.execute(f"SELECT count(*) {live}", scope_parameters(scope))
        return int(found or 0)

    def live_counts(
        self, spec: StreamSpec, by: Sequence[str], between: tuple[str, str, str] | None = None
    ) -> dict[tuple[Parameter, ...], int]:
        day, first, last = between or (None, None, None)
        within = f" AND {column(day)} BETWEEN :first AND :last" if day is not None else ""
        grouped = f" GROUP BY {columns(by)}" if by else ""
        listed = "".join(f"{column(name)}, " for name in by)
        live = f"FROM {known(spec.name)} WHERE known._deleted_at IS NULL{within}{grouped}"
        rows = self.execute(
            f"SELECT {listed}count(*) {live}", {"first": first, "last": last} if day is not None else None
        )
        return {tuple(values): int(found or 0) for *values, found in rows}

    def merge(self, spec: StreamSpec, rows: Sequence[Sequence[Parameter]]) -> None:
        self._insert(rows, lambda count: _merge_sql(spec, count))

    def mark_deleted(
        self, spec: StreamSpec, scope: Mapping[str, int], key_set: int, *, at: str, run_id: str | None
    ) -> int:
        given = {**scope_parameters(scope), "key_set": key_set, "at": at, "run_id": run_id}
        return self._connection.execute(mark_deleted_sql(spec, tuple(scope)), given).rowcount

    def _insert(self, rows: Sequence[Sequence[Bound]], sql: Callable[[int], str]) -> None:
        # Each statement hands the interpreter to the threads that fetch and has to wait until they give it back.
        for start in range(0, len(rows), _ROWS_A_STATEMENT):
            some = rows[start : start + _ROWS_A_STATEMENT]
            self._connection.execute(sql(len(some)), list(chain.from_iterable(some)))


def prepare_table(transaction: SqliteTransaction, spec: StreamSpec) -> str | None:
    """Create the table of a stream, or add the columns it lacks; return why that failed, with nothing changed."""
    if (reason := too_wide(spec)) is not None:
        return reason
    transaction.execute("SAVEPOINT prepared")
    try:
        _make_table(transaction, spec)
        # Compiled without being run: what SQLite would refuse at the first row, it refuses now.
        transaction.compile(_merge_sql(spec, 1), [None] * len(columns_of(spec)))
        transaction.compile(_rows_sql(spec), ["[]"])
    except sqlite3.OperationalError as error:
        if error.sqlite_errorname != "SQLITE_ERROR":
            raise
        transaction.execute("ROLLBACK TO prepared")
        return f"its rows cannot be stored in table {spec.name}: {error}; name the stream otherwise, or drop the table"
    finally:
        transaction.execute("RELEASE prepared")
    return None


def _make_table(transaction: SqliteTransaction, spec: StreamSpec) -> None:
    declared = {name: declared_type(type_) for name, type_ in spec.columns.items()}
    declared |= dict.fromkeys(SYNC_COLUMNS, "TEXT")
    key = ", ".join(map(quoted, spec.primary_key))
    lines = ", ".join(f"{quoted(name)} {type_}" for name, type_ in declared.items())
    transaction.execute(f"CREATE TABLE IF NOT EXISTS {quoted(spec.name)} ({lines}, PRIMARY KEY ({key}))")
    present = _columns_present(transaction, spec.name)
    lacking = [name for name in declared if name.lower() not in present]
    for name in lacking:
        transaction.execute(f"ALTER TABLE {quoted(spec.name)} ADD COLUMN {quoted(name)} {declared[name]}")
    if lacking:
        # A column that somebody dropped would stay empty: the records that belong in it have not changed.
        transaction.execute(f"UPDATE {quoted(spec.name)} SET _row_hash = ''")
    if (index := live_index_sql(spec)) is not None:
        transaction.execute(index)


def _columns_present(transaction: SqliteTransaction, table: str) -> set[str]:
    """Return the columns of a table in lower case: SQLite ignores the case of ASCII letters in names."""
    return {str(row[1]).lower() for row in transaction.execute(f"PRAGMA table_info({quoted(table)})")}


@cache
def _unchanged_sql(spec: StreamSpec) -> str:
    same = " AND ".join(
        f"{column(name)} = CAST({part} AS {declared_type(spec.columns[name])})"
        for name, part in given_parts(spec, "given.key")
    )
    return (
        f"SELECT json_group_array(given.key) FROM json_each(?) AS given CROSS JOIN {known(spec.name)} "
        f"ON {same} WHERE known._row_hash = given.value AND known._deleted_at IS NULL"
    )


@cache
def _stored_sql(spec: StreamSpec) -> str:
    version = column(spec.cursor_field) if spec.cursor_field is not None else "NULL"
    names = [*spec.primary_key, "_row_hash", "_run_id", "_deleted_at", *spec.scope_columns, *spec.tracked]
    wanted = list(map(column, names))
    wanted.insert(len(spec.primary_key) + 2, version)
    same = " AND ".join(f"{column(name)} = {part}" for name, part in given_parts(spec, "given.value"))
    return f"SELECT {', '.join(wanted)} FROM json_each(?) AS given CROSS JOIN {known(spec.name)} ON {same}"


@cache
def _rows_sql(spec: StreamSpec) -> str:
    wanted = ", ".join(f"known.{quoted(name)}" for name in (*spec.primary_key, *spec.columns, "_extra"))
    same = " AND ".join(f"known.{quoted(name)} = {part}" for name, part in given_parts(spec, "given.value"))
    return f"SELECT {wanted} FROM json_each(?) AS given CROSS JOIN {quoted(spec.name)} AS known ON {same}"


@cache
def _insert_sql(table: str, columns: tuple[str, ...], count: int) -> str:
    listed = ", ".join(map(quoted, columns))
    marks = f"({', '.join('?' * len(columns))})"
    # Under a name of its own: in a table that is itself called `excluded`, that word would mean the old row.
    return f"INSERT INTO {quoted(table)} AS target ({listed}) VALUES {', '.join([marks] * count)}"


@cache
def _merge_sql(spec: StreamSpec, count: int) -> str:
    names = columns_of(spec)
    key = ", ".join(map(quoted, spec.primary_key))
    replaced = ", ".join(f"{quoted(name)} = excluded.{quoted(name)}" for name in names if name not in spec.primary_key)
    return f"{_insert_sql(spec.name, names, count)} ON CONFLICT ({key}) DO UPDATE SET {replaced}"
