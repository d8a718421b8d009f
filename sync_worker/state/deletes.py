"""Deletes that wait for a second opinion, and when the tool's own lists of deleted records were asked for."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sync_worker.model import DeleteEvidence, Scope
from sync_worker.state.executor import Executor, Parameter
from sync_worker.state.ledger import ScopeKey
from sync_worker.state.queries import queries
from sync_worker.state.rows import execute, fetch, fetch_one
from sync_worker.state.scopes import scope_parameters


class HeldDeletes(NamedTuple):
    """The number of held rows of one (stream, scope), since when, on what ground, and by which run first."""

    stream: str
    company_id: int | None
    project_id: int | None
    rows: int
    held_at: datetime
    ground: DeleteEvidence
    run_id: str

    @property
    def scope(self) -> Scope:
        """The company and the project."""
        return Scope(self.company_id, self.project_id)


class Signal(NamedTuple):
    """The last request for a list of deleted records, and whether it was refused."""

    asked_at: datetime
    refused: bool


def add_agreed(executor: Executor, key: ScopeKey, ground: DeleteEvidence, *, gone: int, agreed: int) -> int:
    """Move the keys of the set `gone` that an earlier run held to the set `agreed`; return how many these are."""
    sets: dict[str, Parameter] = {"gone": gone, "agreed": agreed}
    found = executor.execute(queries()["add_agreed"], key.parameters() | sets | {"ground": ground})
    executor.execute(queries()["drop_agreed"], sets)
    return len(found)


def hold_deletes(executor: Executor, key: ScopeKey, ground: DeleteEvidence, gone: int) -> None:
    """Hold the rows of a set, since the sweep began; what is held already keeps its date."""
    execute(executor, "hold_deletes", **key.parameters(), ground=ground, gone=gone)


def release_held(executor: Executor, stream: str, scope: Scope, key_set: int) -> None:
    """Release the rows of a set."""
    execute(executor, "release_held", stream=stream, **scope_parameters(scope), key_set=key_set)


def release_other_held(executor: Executor, stream: str, scope: Scope, key_set: int) -> None:
    """Release the rows outside a set."""
    execute(executor, "release_other_held", stream=stream, **scope_parameters(scope), key_set=key_set)


def drop_unheld(executor: Executor, stream: str, scope: Scope, key_set: int) -> None:
    """Drop the keys of rows that are not held from a set."""
    execute(executor, "drop_unheld", stream=stream, **scope_parameters(scope), key_set=key_set)


def held_deletes(executor: Executor) -> list[HeldDeletes]:
    """Return how many rows are held, by stream and scope."""
    return fetch(executor, HeldDeletes, "held_deletes")


def held_keys(executor: Executor, stream: str, scope: Scope) -> list[int | str]:
    """Return the keys of the rows held in one scope."""
    return [key for (key,) in executor.execute(queries()["held_keys"], {"stream": stream, **scope_parameters(scope)})]


def is_any_held(executor: Executor, stream: str, scope: Scope) -> bool:
    """Return True if rows of one scope are held."""
    return execute(executor, "is_any_held", stream=stream, **scope_parameters(scope))


def read_signal(executor: Executor, stream: str, scope: Scope) -> Signal | None:
    """Return when the list of deleted records was last requested."""
    return fetch_one(executor, Signal, "read_signal", stream=stream, **scope_parameters(scope))


def record_signal(executor: Executor, stream: str, scope: Scope, signal: Signal) -> None:
    """Store that the list of deleted records was requested."""
    execute(executor, "record_signal", stream=stream, **scope_parameters(scope), **signal._asdict())
