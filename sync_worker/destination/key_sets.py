"""Sets of keys in a temporary table, and what is done to the rows that have them; SQLite's SQL."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from functools import cache

from sync_worker.catalog.spec import StreamSpec
from sync_worker.destination.names import (
    column,
    columns,
    declared_type,
    given_parts,
    in_scope,
    key_given,
    key_of,
    known,
    quoted,
    scope_parameters,
)
from sync_worker.destination.protocol import Extent
from sync_worker.model import Key

CREATE_KEY_SETS = "CREATE TEMP TABLE _key_sets (key_set INTEGER, key, PRIMARY KEY (key_set, key)) WITHOUT ROWID"
_LIVE = "known._deleted_at IS NULL"

# A key is compared as +key: with the type of its column SQLite would convert the keys of the set, and read them all.


class SqliteKeySets:
    """The sets of one connection; see `destination.protocol.KeySets`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def add(self, spec: StreamSpec, into: int, keys: Sequence[Key]) -> int:
        return self._connection.execute(_add_sql(spec), {"into": into, "keys": as_json(keys)}).rowcount

    def add_values(self, spec: StreamSpec, name: str, into: int, values: Sequence[int | str]) -> None:
        self._connection.execute(_add_values_sql(spec, name), {"into": into, "keys": json.dumps(values)})

    def add_deleted(self, spec: StreamSpec, name: str, scope: Mapping[str, int], into: int) -> None:
        given = {**scope_parameters(scope), "into": into}
        self._connection.execute(_add_deleted_sql(spec, name, tuple(scope)), given)

    def add_missing(
        self, spec: StreamSpec, extent: Extent, into: int, *, seen: int, reported: int | None = None
    ) -> int:
        day, first, last = extent.days or (None, None, None)
        parent, parents = extent.parents or (None, None)
        sql = add_missing_sql(spec, tuple(extent.scope), parent=parent, day=day, is_reported=reported is not None)
        limits = {"parents": parents, "first": first, "last": last, "reported": reported}
        given = {**scope_parameters(extent.scope), **limits, "seen": seen, "into": into}
        return self._connection.execute(sql, given).rowcount

    def intersection(self, spec: StreamSpec, key_set: int, keys: Sequence[Key]) -> set[Key]:
        found = self._connection.execute(intersection_sql(spec), {"key_set": key_set, "keys": as_json(keys)})
        return {_from_set(spec, key) for (key,) in found}

    def is_same(self, one: int, other: int) -> bool:
        ((found,),) = self._connection.execute(_IS_SAME, {"one": one, "other": other})
        return bool(found)

    def read(self, spec: StreamSpec, key_set: int) -> list[Key]:
        found = self._connection.execute("SELECT s.key FROM _key_sets AS s WHERE s.key_set = ?", (key_set,))
        return [_from_set(spec, key) for (key,) in found]

    def drop(self, *key_sets: int) -> None:
        self._connection.executemany("DELETE FROM _key_sets WHERE key_set = ?", [(number,) for number in key_sets])


def as_json(keys: Sequence[Key]) -> str:
    """Return keys as the JSON array that statements are given."""
    return json.dumps([key[0] for key in keys] if keys and len(keys[0]) == 1 else keys)


def _from_set(spec: StreamSpec, key: int | str) -> Key:
    return (key,) if len(spec.primary_key) == 1 else tuple(json.loads(str(key)))


_IS_SAME = (
    "SELECT (SELECT count(*) FROM _key_sets WHERE key_set = :one)"
    " = (SELECT count(*) FROM _key_sets WHERE key_set = :other)"
    " AND NOT EXISTS (SELECT key FROM _key_sets WHERE key_set = :one"
    " EXCEPT SELECT key FROM _key_sets WHERE key_set = :other)"
)


@cache
def _add_sql(spec: StreamSpec) -> str:
    """Add the keys in the JSON array `:keys` to the set `:into`."""
    return f"INSERT OR IGNORE INTO _key_sets SELECT :into, {key_given(spec)} FROM json_each(:keys) AS given"


@cache
def intersection_sql(spec: StreamSpec) -> str:
    """Select those of the keys in the JSON array `:keys` that are in the set `:key_set`."""
    given = f"SELECT +{key_given(spec)} FROM json_each(:keys) AS given"
    return f"SELECT _key_sets.key FROM _key_sets WHERE _key_sets.key_set = :key_set AND _key_sets.key IN ({given})"


@cache
def _add_values_sql(spec: StreamSpec, name: str) -> str:
    """Add the values in the JSON array `:keys` to the set `:into`, as that column of the table has them."""
    as_stored = f"CAST(given.value AS {declared_type(spec.columns[name])})"
    return f"INSERT OR IGNORE INTO _key_sets SELECT :into, {as_stored} FROM json_each(:keys) AS given"


@cache
def _add_deleted_sql(spec: StreamSpec, name: str, scope: tuple[str, ...]) -> str:
    """Add that column of the deleted rows of a scope to the set `:into`."""
    source = f"{known(spec.name)} WHERE known._deleted_at IS NOT NULL{in_scope(scope)}"
    return f"INSERT OR IGNORE INTO _key_sets SELECT :into, {column(name)} FROM {source}"


@cache
def add_missing_sql(
    spec: StreamSpec, scope: tuple[str, ...], *, parent: str | None, day: str | None, is_reported: bool
) -> str:
    """Add the keys of the live rows of a scope that are not in the set `:seen` to the set `:into`.

    Where they are given, only rows whose `parent` is in the set `:parents`, whose `day` lies within `:first` and
    `:last`, and that are in the set `:reported`.
    """
    parents = "SELECT _key_sets.key FROM _key_sets WHERE _key_sets.key_set = :parents"
    of_parents = f" AND {column(parent)} IN ({parents})" if parent is not None else ""
    of_days = f" AND {column(day)} BETWEEN :first AND :last" if day is not None else ""
    reported = f" AND {_is_in(spec, ':reported')}" if is_reported else ""
    seen = f"SELECT 1 FROM _key_sets WHERE _key_sets.key_set = :seen AND _key_sets.key = +{key_of(spec)}"
    return (
        f"INSERT INTO _key_sets SELECT :into, {key_of(spec)} FROM {known(spec.name)} "
        f"WHERE {_LIVE}{in_scope(scope)}{of_parents}{of_days}{reported} AND NOT EXISTS ({seen})"
    )


@cache
def mark_deleted_sql(spec: StreamSpec, scope: tuple[str, ...]) -> str:
    """Mark the live rows of a scope whose keys are in the set `:key_set` as deleted."""
    marked = "_deleted_at = :at, _loaded_at = :at, _run_id = coalesce(:run_id, known._run_id)"
    return f"UPDATE {known(spec.name)} SET {marked} WHERE {_LIVE}{in_scope(scope)} AND {_is_in(spec, ':key_set')}"


@cache
def live_index_sql(spec: StreamSpec) -> str | None:
    """Create an index on the live rows of each scope, so that its missing rows are found without the other scopes'."""
    scope = [name for name in ("company_id", "project_id") if name in spec.scope_columns]
    if not scope:
        return None
    listed = ", ".join(map(quoted, dict.fromkeys([*scope, *spec.primary_key])))
    name = quoted(f"_live_{spec.name}")
    # An index knows no table but its own, and takes no qualified name.
    return f"CREATE INDEX IF NOT EXISTS {name} ON {quoted(spec.name)} ({listed}) WHERE _deleted_at IS NULL"


def _is_in(spec: StreamSpec, key_set: str) -> str:
    parts = ", ".join(part for _, part in given_parts(spec, "_key_sets.key"))
    return f"({columns(spec.primary_key)}) IN (SELECT {parts} FROM _key_sets WHERE _key_sets.key_set = {key_set})"
