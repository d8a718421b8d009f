"""Executes named statements and returns their rows as types of the state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec

from sync_worker.errors import DestinationError
from sync_worker.state.executor import Executor, Parameter
from sync_worker.state.queries import queries

T = TypeVar("T")


def fetch(executor: Executor, row_type: type[T], name: str, **parameters: Parameter) -> list[T]:
    """Return the rows of a named statement, its columns in the order of the fields of `row_type`."""
    return typed(executor.execute(queries()[name], parameters), row_type)


def fetch_one(executor: Executor, row_type: type[T], name: str, **parameters: Parameter) -> T | None:
    """Return the first row of a named statement, None if there is none."""
    return next(iter(fetch(executor, row_type, name, **parameters)), None)


def fetch_value(executor: Executor, value_type: type[T], name: str, **parameters: Parameter) -> T | None:
    """Return the first column of the first row of a named statement; None if there is no row or it is NULL."""
    rows = executor.execute(queries()[name], parameters)
    return None if not rows or rows[0][0] is None else typed([rows[0][0]], value_type)[0]


def execute(executor: Executor, name: str, **parameters: Parameter) -> bool:
    """Execute a named statement; return True if it returned a row."""
    return bool(executor.execute(queries()[name], parameters))


def typed(rows: Sequence[Any], row_type: type[T]) -> list[T]:
    """Return rows with the types of their fields: SQLite has ISO 8601 text for instants, and 0 or 1 for booleans.

    Raises `DestinationError` if a value is of no such type: the tables can be edited by hand.
    """
    try:
        return msgspec.convert(rows, list[row_type], strict=False)  # type: ignore[valid-type]  # a type known at run time
    except msgspec.ValidationError as error:
        raise DestinationError(f"a table of the worker holds a wrong value ({error}); {_STEP}") from None


def decoded(text: str, type_: type[T]) -> T:
    """Return the value that was stored as JSON; raises `DestinationError` like `typed`."""
    try:
        return msgspec.json.decode(text, type=type_)
    except msgspec.DecodeError as error:
        raise DestinationError(f"a table of the worker holds a wrong value ({error}: {text[:80]}); {_STEP}") from None


_STEP = "was it edited by hand? Correct it, or restore a backup"
