"""Runs named statements and returns their rows as types of the state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec

from sync_worker.state.executor import Executor, Parameter
from sync_worker.state.queries import queries

RowT = TypeVar("RowT")


def fetch(executor: Executor, row_type: type[RowT], name: str, **parameters: Parameter) -> list[RowT]:
    """Return the rows of a named statement, its columns in the order of the fields of `row_type`."""
    return typed(executor.execute(queries()[name], parameters), row_type)


def typed(rows: Sequence[tuple[Any, ...]], row_type: type[RowT]) -> list[RowT]:
    """Return rows with the types of their fields: SQLite has ISO 8601 text for instants, and 0 or 1 for booleans."""
    return msgspec.convert(rows, list[row_type], strict=False)  # type: ignore[valid-type]  # a type known at run time


def fetch_one(executor: Executor, row_type: type[RowT], name: str, **parameters: Parameter) -> RowT | None:
    """Return the first row of a named statement, None if there is none."""
    return next(iter(fetch(executor, row_type, name, **parameters)), None)


def run(executor: Executor, name: str, **parameters: Parameter) -> bool:
    """Run a named statement; return True if it gave a row back."""
    return bool(executor.execute(queries()[name], parameters))
