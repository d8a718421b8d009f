"""What the state needs of a transaction; a destination's transactions have it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

Parameter = int | str | bool | None


class Executor(Protocol):
    """Runs statements with `:name` parameters inside somebody's transaction."""

    def execute(self, sql: str, parameters: Mapping[str, Parameter] | None = None) -> list[tuple[Parameter, ...]]:
        """Run one statement; its rows, if any."""
        ...

    def execute_many(self, sql: str, parameters: Sequence[Mapping[str, Parameter]]) -> None:
        """Run one statement for each set of parameters."""
        ...

    def insert(self, table: str, columns: tuple[str, ...], rows: Sequence[Sequence[Parameter]]) -> None:
        """Append rows to a table."""
        ...


class View(Executor, Protocol):
    """What is committed, to look at: a database that an older version has written lacks the newer tables."""

    def has_table(self, name: str) -> bool:
        """Whether there is a table of this name."""
        ...
