"""How names, types and keys of the catalog are written in SQLite's SQL."""

from __future__ import annotations

from sync_worker.catalog.spec import FieldType, StreamSpec

_INTEGER_TYPES = {FieldType.INTEGER, FieldType.BOOLEAN}


def quoted(name: str) -> str:
    """An identifier that SQL takes literally, whatever is in it."""
    return '"' + name.replace('"', '""') + '"'


def declared_type(type_: FieldType) -> str:
    """The type of a column."""
    return "INTEGER" if type_ in _INTEGER_TYPES else "TEXT"


def matches(columns: list[str] | tuple[str, ...]) -> str:
    """Conditions that each column has the value of the parameter of its name."""
    return "".join(f" AND {quoted(name)} = :{name}" for name in columns)


def key_of(spec: StreamSpec) -> str:
    """The key of a row as one value: itself, or an array where it has several parts."""
    listed = ", ".join(map(quoted, spec.primary_key))
    return listed if len(spec.primary_key) == 1 else f"json_array({listed})"


def key_given(spec: StreamSpec) -> str:
    """The same of a key that `json_each` gives: what it was sent as must not make it another one."""
    parts = [f"CAST({part} AS {declared_type(spec.columns[name])})" for name, part in given_parts(spec)]
    return parts[0] if len(parts) == 1 else f"json_array({', '.join(parts)})"


def given_parts(spec: StreamSpec, given: str = "value") -> list[tuple[str, str]]:
    """Each column of the key, and where in `given` its value is."""
    if len(spec.primary_key) == 1:
        return [(spec.primary_key[0], given)]
    return [(name, f"json_extract({given}, '$[{place}]')") for place, name in enumerate(spec.primary_key)]
