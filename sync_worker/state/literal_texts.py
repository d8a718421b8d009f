"""Moves numbers and booleans from `_extra` to the text columns that take them since; part of a migration.

An older version had no room for them. Reading the lists again would cost calls, and the rows would count as changed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping

import msgspec

from sync_worker.catalog import STREAMS
from sync_worker.catalog.spec import FieldType, StreamSpec
from sync_worker.state.executor import Executor, Parameter
from sync_worker.state.queries import queries

_ROWS_AT_ONCE = 2_000
_LITERAL = re.compile(rb"-?\d[\d.eE+-]*|true|false")
_fields_of = msgspec.json.Decoder(dict[str, msgspec.Raw])


def move_literals(executor: Executor, streams: Mapping[str, StreamSpec] = STREAMS) -> None:
    """Fill the text columns of the shipped streams; those of a user's own are filled as their records change."""
    for stream, columns in executor.execute(queries()["columns_of_streams"]):
        spec = streams.get(str(stream))
        there = set(json.loads(str(columns)))
        if spec is not None:
            texts = {name for name, type_ in spec.fields.items() if type_ is FieldType.STRING}
            _move(executor, spec.name, texts & there - {*spec.primary_key, *spec.scope_columns})


def _move(executor: Executor, table: str, columns: Collection[str]) -> None:
    after: Parameter = -(2**63)
    while rows := executor.execute(
        f"SELECT rowid, _extra FROM {_quoted(table)} WHERE rowid > :after AND _extra GLOB '*\":[-0-9tf]*' "
        f"ORDER BY rowid LIMIT {_ROWS_AT_ONCE}",
        {"after": after},
    ):
        for rowid, extra in rows:
            _move_row(executor, table, rowid, str(extra), columns)
        after = rows[-1][0]


def _move_row(executor: Executor, table: str, rowid: Parameter, extra: str, columns: Collection[str]) -> None:
    try:
        fields = _fields_of.decode(extra)
    except (msgspec.DecodeError, RecursionError):
        return
    moved = {name: bytes(sent) for name, sent in fields.items() if name in columns and _LITERAL.fullmatch(bytes(sent))}
    if not moved:
        return
    kept = {name: sent for name, sent in fields.items() if name not in moved}
    places = {name: f"v{number}" for number, name in enumerate(moved)}
    settings = "".join(f", {_quoted(name)} = :{place}" for name, place in places.items())
    values: dict[str, Parameter] = {places[name]: sent.decode() for name, sent in moved.items()}
    values |= {"rowid": rowid, "extra": msgspec.json.encode(kept).decode() if kept else None}
    executor.execute(f"UPDATE {_quoted(table)} SET _extra = :extra{settings} WHERE rowid = :rowid", values)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
