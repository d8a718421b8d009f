"""The expected content of a SQLite destination, derived from the contract.

It is computed from the simulator's records with the standard library and uses none of the program's loading code.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from procore_simulator.entry import Truth
from procore_simulator.server import Simulator
from sync_worker.catalog.spec import FieldType, ScopeKind, StreamSpec

Row = Mapping[str, Any]
Table = dict[tuple[Any, ...], Row]

MISFIT = object()
_SIGNATURE = re.compile(r"\?X-Amz-[^\"\s]*")
_UTC_TEXT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")


def differences(
    simulator: Simulator,
    database: Path,
    *,
    streams: Collection[str] = (),
    projects: Collection[int] = (),
    deletes: bool = False,
) -> list[str]:
    """Return the cells in which tables and truth differ, at most twenty; empty when they are equal.

    `projects` are those that were read, by default the active and visible ones; rows of other projects are ignored.
    Rows of records that are deleted in Procore may be live, unless `deletes` is set.
    """
    specs = simulator.world.streams
    wanted = projects or readable_projects(simulator)
    found: list[str] = []
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        for name in streams or specs:
            unlisted = {_key(specs[name], row) for row in _rows(simulator, specs[name], wanted, listed=False)}
            may_live = unlisted if name == "projects" or not deletes else set()
            expected = {_key(specs[name], row): row for row in _rows(simulator, specs[name], wanted, listed=True)}
            stored = _stored(connection, specs[name])
            dead = {key for key, row in stored.items() if row["_deleted_at"] is not None}
            found += (f"{name} {key}: deleted here, alive in Procore" for key in dead & expected.keys())
            present = {key: row for key, row in stored.items() if key not in dead and key not in may_live}
            found += (f"{name} {difference}" for difference in _compare(_without(expected, dead), present))
    return found[:20]


def readable_projects(simulator: Simulator) -> list[int]:
    """Return the projects that a run reads by default."""
    return [
        truth.record["id"]
        for truth in simulator.world.records("projects")
        if truth.record["active"] and simulator.permissions.is_visible(truth.record["id"])
    ]


def row_of(spec: StreamSpec, truth: Truth) -> Row:
    """Return the expected row of a record; JSON and instants are parsed."""
    sent: dict[str, Any] = json.loads(json.dumps(truth.record), parse_float=_Number)
    row: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    scope = {"company_id": truth.company_id, "project_id": truth.project_id}
    if spec.parent is not None:
        scope[spec.parent.param] = truth.parent_id  # type: ignore[assignment]
    given = {name: scope[name] for name in spec.scope_columns}
    if spec.row_key:
        given["_row_key"] = _row_key([sent.get(name) for name in spec.row_key])  # type: ignore[assignment]
    for name, value in given.items():
        row[name] = value
        if name in sent and sent[name] is not None and str(sent[name]) != str(value):
            extra[name] = sent[name]
    for name, type_ in spec.fields.items():
        if name in given:
            continue
        value = sent.get(name)
        typed = None if value is None else _TYPED[type_](value)
        row[name] = None if typed is MISFIT else typed
        if typed is MISFIT:
            extra[name] = value
    extra |= {name: value for name, value in sent.items() if name not in spec.fields and name not in given}
    row["_extra"] = _plain(extra) if extra else None
    return row


def _rows(simulator: Simulator, spec: StreamSpec, projects: Collection[int], *, listed: bool) -> Iterator[Row]:
    for truth in simulator.world.records(spec.name, deleted=True):
        is_hidden = spec.name == "projects" and not simulator.permissions.is_visible(truth.record["id"])
        if (truth.is_deleted or is_hidden) is listed:
            continue
        if spec.scope is not ScopeKind.PROJECT or truth.project_id in projects:
            yield row_of(spec, truth)


def _stored(connection: sqlite3.Connection, spec: StreamSpec) -> Table:
    columns = [row["name"] for row in connection.execute(f'PRAGMA table_info("{spec.name}")')]
    documented = [*spec.columns, "_run_id", "_loaded_at", "_deleted_at", "_row_hash", "_extra"]
    assert sorted(columns) == sorted(documented), spec.name
    return {
        _key(spec, row): row
        for row in (_read(spec, dict(record)) for record in connection.execute(f'SELECT * FROM "{spec.name}"'))
    }


def _read(spec: StreamSpec, cells: dict[str, Any]) -> Row:
    """Return a stored row with JSON and instants parsed and everything else as stored."""
    assert cells["_deleted_at"] is None or _UTC_TEXT.fullmatch(cells["_deleted_at"])
    assert cells.pop("_run_id")
    assert cells.pop("_row_hash")
    assert _UTC_TEXT.fullmatch(cells.pop("_loaded_at"))
    for name, type_ in (*spec.fields.items(), ("_extra", FieldType.OBJECT)):
        value = cells[name]
        if value is None or name in spec.scope_columns:
            continue
        if type_ in {FieldType.OBJECT, FieldType.ARRAY}:
            cells[name] = _plain(json.loads(value, parse_float=_Number))
        elif type_ is FieldType.DATETIME:
            assert _UTC_TEXT.fullmatch(value), f"{spec.name}.{name}: {value}"
            cells[name] = datetime.fromisoformat(value)
        elif isinstance(value, str):
            cells[name] = _unsigned(value)
    return cells


def _without(table: Table, keys: Collection[tuple[Any, ...]]) -> Table:
    return {key: row for key, row in table.items() if key not in keys}


def _compare(expected: Table, stored: Table) -> Iterator[str]:
    yield from (f"{key}: lost" for key in expected.keys() - stored.keys())
    yield from (f"{key}: not from Procore" for key in stored.keys() - expected.keys())
    for key in expected.keys() & stored.keys():
        for name, value in expected[key].items():
            there = stored[key][name]
            if type(there) is not type(value) or there != value:
                yield f"{key}: {name} is {there!r} instead of {value!r}"


def _key(spec: StreamSpec, row: Row) -> tuple[Any, ...]:
    return tuple(row[name] for name in spec.primary_key)


def _row_key(parts: list[Any]) -> str:
    first, *rest = parts
    return str(first) if first is not None else ":".join("" if part is None else str(part) for part in rest)


class _Number(str):
    """A number as it was written."""

    __slots__ = ()


def _plain(value: Any) -> Any:
    """Return parsed JSON with numbers as decimals and URLs without their signatures, for comparing."""
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if isinstance(value, _Number):
        return Decimal(value)
    return _unsigned(value) if isinstance(value, str) else value


def _unsigned(text: str) -> str:
    return _SIGNATURE.sub("", text).replace("\x00", "\ufffd")


def _string(value: Any) -> Any:
    if isinstance(value, dict | list):
        return MISFIT
    return (
        _unsigned(value) if isinstance(value, str) and not isinstance(value, _Number) else json.dumps(value).strip('"')
    )


def _integer(value: Any) -> Any:
    fits = isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63
    return value if fits else MISFIT


def _boolean(value: Any) -> Any:
    return int(value) if isinstance(value, bool) else MISFIT


def _decimal(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | str) or not _NUMBER.fullmatch(str(value)):
        return MISFIT
    return str(value)


def _day(value: Any) -> Any:
    try:
        day, _, time = value.partition("T")
        return day if date.fromisoformat(day).isoformat() == day and time in ("", "00:00:00Z") else MISFIT
    except (AttributeError, TypeError, ValueError):
        return MISFIT


def _instant(value: Any) -> Any:
    try:
        instant = datetime.fromisoformat(value)
        return MISFIT if instant.tzinfo is None else instant.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        return MISFIT


def _nested(kind: type) -> Callable[[Any], Any]:
    return lambda value: _plain(value) if isinstance(value, kind) else MISFIT


_TYPED: Mapping[FieldType, Callable[[Any], Any]] = {
    FieldType.INTEGER: _integer,
    FieldType.STRING: _string,
    FieldType.BOOLEAN: _boolean,
    FieldType.DATE: _day,
    FieldType.DATETIME: _instant,
    FieldType.DECIMAL: _decimal,
    FieldType.OBJECT: _nested(dict),
    FieldType.ARRAY: _nested(list),
}
