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
    """How many rows of one (stream, scope) wait, since when, on what ground, and which run held them first."""

    stream: str
    company_id: int | None
    project_id: int | None
    rows: int
    held_at: datetime
    ground: DeleteEvidence
    run_id: str

    @property
    def scope(self) -> Scope:
        """Where they are."""
        return Scope(self.company_id, self.project_id)


class Signal(NamedTuple):
    """When a list of deleted records was last asked for, and whether it may not be read."""

    asked_at: datetime
    refused: bool


def is_same(executor: Executor, one: int, other: int) -> bool:
    """Whether two sets hold the same keys."""
    return bool(executor.execute(queries()["is_same"], {"one": one, "other": other})[0][0])


def note_agreed(executor: Executor, key: ScopeKey, ground: DeleteEvidence, *, gone: int, agreed: int) -> int:
    """Move those keys of the set `gone` that an earlier run held to the set `agreed`; how many these are."""
    sets: dict[str, Parameter] = {"gone": gone, "agreed": agreed}
    found = executor.execute(queries()["note_agreed"], key.parameters() | sets | {"ground": ground})
    executor.execute(queries()["forget_agreed"], sets)
    return len(found)


def hold_deletes(executor: Executor, key: ScopeKey, ground: DeleteEvidence, gone: int, at: datetime) -> None:
    """Let the rows of a set wait."""
    given: dict[str, Parameter] = {"ground": ground, "gone": gone, "held_at": at}
    executor.execute(queries()["hold_deletes"], key.parameters() | given)


def release_held(executor: Executor, stream: str, scope: Scope, noted: int) -> None:
    """Let the rows of a set wait no longer."""
    executor.execute(queries()["release_held"], {"stream": stream, **scope._asdict(), "noted": noted})


def release_other_held(executor: Executor, stream: str, scope: Scope, noted: int) -> None:
    """Let the rows outside a set wait no longer."""
    executor.execute(queries()["release_other_held"], {"stream": stream, **scope._asdict(), "noted": noted})


def forget_unheld(executor: Executor, stream: str, scope: Scope, noted: int) -> None:
    """Take the keys of what does not wait out of a set."""
    executor.execute(queries()["forget_unheld"], {"stream": stream, **scope._asdict(), "noted": noted})


def held_deletes(executor: Executor) -> list[HeldDeletes]:
    """Return all that waits, by stream and scope."""
    return fetch(executor, HeldDeletes, "held_deletes")


def held_keys(executor: Executor, stream: str, scope: Scope) -> list[int | str]:
    """Return the keys of the rows that wait in one scope."""
    return [key for (key,) in executor.execute(queries()["held_keys"], {"stream": stream, **scope._asdict()})]


def is_any_held(executor: Executor, stream: str, scope: Scope) -> bool:
    """Return True if anything waits in one scope."""
    return execute(executor, "is_any_held", stream=stream, **scope_parameters(scope))


def read_signal(executor: Executor, stream: str, scope: Scope) -> Signal | None:
    """Return when the list of deleted records was last requested."""
    return fetch_one(executor, Signal, "read_signal", stream=stream, **scope_parameters(scope))


def record_signal(executor: Executor, stream: str, scope: Scope, signal: Signal) -> None:
    """Store that the list of deleted records was requested."""
    execute(executor, "record_signal", stream=stream, **scope_parameters(scope), **signal._asdict())
