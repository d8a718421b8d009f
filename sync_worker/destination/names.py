"""Names, types and keys of the catalog in SQLite's SQL.

A stream's field may be called anything: `key`, `value` or `rowid`, or not be there at all, and SQLite takes a quoted
name that it does not know for a text. So every column is qualified. `known` is the stream's table in every statement,
`given` a row of `json_each`; parameters have names of our own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sync_worker.catalog.spec import FieldType, StreamSpec
from sync_worker.destination.protocol import columns_of

MOST_COLUMNS = 2_000
"""SQLite's own limit, unless it was built with another one."""
_INTEGER_TYPES = {FieldType.INTEGER, FieldType.BOOLEAN}


def too_wide(spec: StreamSpec) -> str | None:
    """Return an error text for a stream with more columns than a table can have, otherwise None."""
    columns = len(columns_of(spec))
    if columns <= MOST_COLUMNS:
        return None
    return (
        f"{columns} columns, and a table has room for {MOST_COLUMNS}; declare fewer fields: "
        "what is not declared is kept in _extra"
    )


def quoted(name: str) -> str:
    """Return an identifier that SQL takes literally, whatever is in it."""
    return '"' + name.replace('"', '""') + '"'


def column(name: str) -> str:
    """Return a qualified column of the stream's table."""
    return f"known.{quoted(name)}"


def columns(names: Iterable[str]) -> str:
    """Return a list of qualified columns of the stream's table."""
    return ", ".join(map(column, names))


def known(table: str) -> str:
    """Return the stream's table, under the name that its columns are qualified with."""
    return f"{quoted(table)} AS known"


def declared_type(type_: FieldType) -> str:
    """Return the type of a column; decimals are text, digit for digit as sent: REAL would round them."""
    return "INTEGER" if type_ in _INTEGER_TYPES else "TEXT"


def in_scope(scope: Sequence[str]) -> str:
    """Return the conditions that each of these columns has its value of `scope_parameters`."""
    return "".join(f" AND {column(name)} = :scope_{position}" for position, name in enumerate(scope))


def scope_parameters(scope: Mapping[str, int]) -> dict[str, int]:
    """Return the parameters of `in_scope`."""
    return {f"scope_{position}": value for position, value in enumerate(scope.values())}


def key_of(spec: StreamSpec) -> str:
    """Return the key of a row as one value, a JSON array if it has several columns."""
    listed = columns(spec.primary_key)
    return listed if len(spec.primary_key) == 1 else f"json_array({listed})"


def key_given(spec: StreamSpec) -> str:
    """Return the key in a row of `json_each` as one value, cast to the types of its columns.

    Without the cast an id that was sent as text would be another key than the same id sent as a number.
    """
    parts = [f"CAST({part} AS {declared_type(spec.columns[name])})" for name, part in given_parts(spec, "given.value")]
    return parts[0] if len(parts) == 1 else f"json_array({', '.join(parts)})"


def given_parts(spec: StreamSpec, given: str) -> list[tuple[str, str]]:
    """Return each column of the key with the expression for its value in `given`."""
    if len(spec.primary_key) == 1:
        return [(spec.primary_key[0], given)]
    return [(name, f"json_extract({given}, '$[{place}]')") for place, name in enumerate(spec.primary_key)]
