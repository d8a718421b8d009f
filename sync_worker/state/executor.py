"""The part of a destination's transaction that the state uses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Protocol

Parameter = int | str | bool | date | None
"""A value bound to a statement; an instant (`datetime`, a `date` to Python) is in UTC."""


class Executor(Protocol):
    """Runs statements with `:name` parameters inside somebody's transaction."""

    def execute(self, sql: str, parameters: Mapping[str, Parameter] | None = None) -> list[tuple[Any, ...]]:
        """Run one statement; return its rows, if any, as the database has them: `rows.fetch` gives them types."""
        ...

    def execute_many(self, sql: str, parameters: Sequence[Mapping[str, Parameter]]) -> None:
        """Run one statement for each set of parameters."""
        ...

    def insert(self, table: str, columns: tuple[str, ...], rows: Sequence[Sequence[Parameter]]) -> None:
        """Append rows to a table."""
        ...


class View(Executor, Protocol):
    """A read-only view of what is committed; tables may not exist yet."""

    def has_table(self, name: str) -> bool:
        """Return True if there is a table of this name."""
        ...
