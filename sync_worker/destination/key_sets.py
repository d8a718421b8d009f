"""Sets of keys in a temporary table, and what is done to the rows that have them; SQLite's SQL."""

from __future__ import annotations

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
)

CREATE_NOTED = "CREATE TEMP TABLE _noted (noted INTEGER, key, PRIMARY KEY (noted, key)) WITHOUT ROWID"
_LIVE = "known._deleted_at IS NULL"
_SETS = "_noted"

# A key is compared as +key: with the type of its column SQLite would convert the keys of the set, and read them all.


@cache
def note_keys_sql(spec: StreamSpec) -> str:
    """Add the keys in the JSON array `:keys` to the set `:into`."""
    return f"INSERT OR IGNORE INTO _noted SELECT :into, {key_given(spec)} FROM json_each(:keys) AS given"


@cache
def noted_among_sql(spec: StreamSpec) -> str:
    """Those of the keys in the JSON array `:keys` that are in the set `:noted`."""
    asked = f"SELECT +{key_given(spec)} FROM json_each(:keys) AS given"
    return f"SELECT _noted.key FROM {_SETS} WHERE _noted.noted = :noted AND _noted.key IN ({asked})"


@cache
def note_values_sql(spec: StreamSpec, name: str) -> str:
    """Add the values in the JSON array `:keys` to the set `:into`, as that column of the table has them."""
    as_stored = f"CAST(given.value AS {declared_type(spec.columns[name])})"
    return f"INSERT OR IGNORE INTO _noted SELECT :into, {as_stored} FROM json_each(:keys) AS given"


@cache
def note_deleted_sql(spec: StreamSpec, name: str, scope: tuple[str, ...]) -> str:
    """Add that column of the deleted rows of a scope to the set `:into`."""
    source = f"{known(spec.name)} WHERE known._deleted_at IS NOT NULL{in_scope(scope)}"
    return f"INSERT OR IGNORE INTO _noted SELECT :into, {column(name)} FROM {source}"


@cache
def note_live_sql(
    spec: StreamSpec, scope: tuple[str, ...], *, parent: str | None, day: str | None, is_among: bool
) -> str:
    """Add the keys of the live rows of a scope that are not in the set `:unseen_by` to the set `:into`.

    Of those alone whose `parent` is in the set `:parents`, whose `day` lies within `:first` and `:last`, and that are
    in the set `:among`, as far as each is asked for.
    """
    parents = f"SELECT _noted.key FROM {_SETS} WHERE _noted.noted = :parents"
    of_parents = f" AND {column(parent)} IN ({parents})" if parent is not None else ""
    of_days = f" AND {column(day)} BETWEEN :first AND :last" if day is not None else ""
    among = f" AND {_is_in(spec, ':among')}" if is_among else ""
    seen = f"SELECT 1 FROM {_SETS} WHERE _noted.noted = :unseen_by AND _noted.key = +{key_of(spec)}"
    return (
        f"INSERT INTO _noted SELECT :into, {key_of(spec)} FROM {known(spec.name)} "
        f"WHERE {_LIVE}{in_scope(scope)}{of_parents}{of_days}{among} AND NOT EXISTS ({seen})"
    )


@cache
def spare_sql(spec: StreamSpec) -> str:
    """Take the rows that the runs in the JSON array `:run_ids` wrote out of the set `:noted`."""
    same = " AND ".join(f"{column(name)} = {part}" for name, part in given_parts(spec, "_noted.key"))
    written = "known._run_id IN (SELECT given.value FROM json_each(:run_ids) AS given)"
    row = f"SELECT 1 FROM {known(spec.name)} WHERE {same} AND {written}"
    return f"DELETE FROM {_SETS} WHERE _noted.noted = :noted AND EXISTS ({row})"


@cache
def bury_sql(spec: StreamSpec, scope: tuple[str, ...]) -> str:
    """Mark the live rows of a scope whose keys are in the set `:noted` as deleted."""
    marked = "_deleted_at = :at, _loaded_at = :at, _run_id = coalesce(:run_id, known._run_id)"
    return f"UPDATE {known(spec.name)} SET {marked} WHERE {_LIVE}{in_scope(scope)} AND {_is_in(spec, ':noted')}"


@cache
def live_index_sql(spec: StreamSpec) -> str | None:
    """An index on the live rows of each scope with their keys, so that a scope is settled without the others' rows."""
    scope = [name for name in ("company_id", "project_id") if name in spec.scope_columns]
    if not scope:
        return None
    listed = ", ".join(map(quoted, dict.fromkeys([*scope, *spec.primary_key])))
    name = quoted(f"_live_{spec.name}")
    # An index knows no table but its own, and takes no qualified name.
    return f"CREATE INDEX IF NOT EXISTS {name} ON {quoted(spec.name)} ({listed}) WHERE _deleted_at IS NULL"


def _is_in(spec: StreamSpec, noted: str) -> str:
    parts = ", ".join(part for _, part in given_parts(spec, "_noted.key"))
    return f"({columns(spec.primary_key)}) IN (SELECT {parts} FROM {_SETS} WHERE _noted.noted = {noted})"
