"""The last complete reads of each (stream, company, project) by depth, and the parents read of a nested stream."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple

import msgspec

from sync_worker.model import Scope
from sync_worker.state.executor import Executor
from sync_worker.state.queries import queries
from sync_worker.state.rows import decoded, execute
from sync_worker.state.scopes import scope_parameters


class ReadDepth(StrEnum):
    """The depth of a sweep: its last days, its last months, or everything."""

    INCREMENTAL = "incremental"
    EXTENDED = "extended"
    FULL = "full"

    @property
    def covered(self) -> tuple[ReadDepth, ...]:
        """This depth and all that are contained in it."""
        depths = tuple(ReadDepth)
        return depths[: depths.index(self) + 1]


class LastRead(NamedTuple):
    """A complete sweep: `read_at` by the server's clock; for daily logs, `start_on` is the first day read."""

    read_at: datetime
    start_on: date | None = None


def read_last_reads(executor: Executor, stream: str, scope: Scope) -> Mapping[ReadDepth, LastRead]:
    """Return the last complete sweep of each depth."""
    rows = executor.execute(queries()["read_last_reads"], {"stream": stream, **scope_parameters(scope)})
    return decoded(rows[0][0], dict[ReadDepth, LastRead]) if rows else {}


def record_last_read(executor: Executor, stream: str, scope: Scope, depth: ReadDepth, last_read: LastRead) -> None:
    """Store that a sweep of this depth is complete, and with it every smaller one."""
    # Whoever read everything has read the last days, too.
    known = {**read_last_reads(executor, stream, scope), **dict.fromkeys(depth.covered, last_read)}
    text = msgspec.json.encode(known).decode()
    execute(executor, "record_last_reads", stream=stream, **scope_parameters(scope), last_reads=text)


def parents_read(executor: Executor, stream: str, scope: Scope) -> Mapping[str, str]:
    """Return the parents for which a nested stream was read, with the hash of the row that each then had."""
    return dict(executor.execute(queries()["parents_read"], {"stream": stream, **scope_parameters(scope)}))


def record_parents_read(executor: Executor, stream: str, scope: Scope, hashes: Mapping[str, str]) -> None:
    """Store for which parents, as their rows were, a nested stream is complete."""
    of_scope = {"stream": stream, **scope_parameters(scope)}
    parameters = [of_scope | {"parent_key": parent, "row_hash": row_hash} for parent, row_hash in hashes.items()]
    executor.execute_many(queries()["record_parent_read"], parameters)


def forget_parents_read(executor: Executor, stream: str, scope: Scope, parents: Collection[str]) -> None:
    """Forget that a nested stream was read for these parents."""
    if parents:
        of_scope = {"stream": stream, **scope_parameters(scope)}
        executor.execute_many(
            queries()["forget_parent_read"], [of_scope | {"parent_key": parent} for parent in parents]
        )
        execute(executor, "drop_forgotten_parents", **of_scope)
