"""How far back each (stream, company, project) was read and when, and for which parents a nested one was."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple

from sync_worker.model import Scope
from sync_worker.state.executor import Executor
from sync_worker.state.instants import from_text, to_text
from sync_worker.state.queries import queries


class ReadDepth(StrEnum):
    """How far back a sweep reads: its last days, its last months, or all there is. The database keeps older names."""

    INCREMENTAL = "recent"
    EXTENDED = "weekly"
    FULL = "everything"

    @property
    def covered(self) -> tuple[ReadDepth, ...]:
        """This depth and all that are contained in it."""
        depths = tuple(ReadDepth)
        return depths[: depths.index(self) + 1]


class LastRead(NamedTuple):
    """A complete sweep of some depth: when, by the server's clock, and for daily logs from which day on."""

    read_at: datetime
    start_on: date | None = None


def read_last_reads(executor: Executor, stream: str, scope: Scope) -> Mapping[ReadDepth, LastRead]:
    """Return the last complete sweep of each depth."""
    rows = executor.execute(queries()["read_rereads"], {"stream": stream, **scope._asdict()})
    return {
        ReadDepth(str(depth)): LastRead(
            from_text(str(read_at)), date.fromisoformat(str(start_on)) if start_on else None
        )
        for depth, start_on, read_at in rows
    }


def record_last_read(
    executor: Executor, stream: str, scope: Scope, depth: ReadDepth, last_read: LastRead, run_id: str
) -> None:
    """Store that a sweep of this depth is complete, and with it every smaller one."""
    statement = queries()["record_reread"]
    executor.execute_many(
        statement,
        [
            {
                "stream": stream,
                **scope._asdict(),
                "reach": covered,
                "start_on": last_read.start_on.isoformat() if last_read.start_on else None,
                "read_at": to_text(last_read.read_at),
                "run_id": run_id,
            }
            for covered in depth.covered
        ],
    )


def parents_read(executor: Executor, stream: str, scope: Scope) -> Mapping[str, str]:
    """The parents for which a nested stream was read, with the hash of the row that each then had."""
    rows = executor.execute(queries()["parents_read"], {"stream": stream, **scope._asdict()})
    return {str(parent): str(row_hash) for parent, row_hash in rows}


def record_parents_read(executor: Executor, stream: str, scope: Scope, hashes: Mapping[str, str]) -> None:
    """Store for which parents, as their rows were, a nested stream is complete."""
    of_scope = {"stream": stream, **scope._asdict()}
    parameters = [of_scope | {"parent_key": parent, "row_hash": row_hash} for parent, row_hash in hashes.items()]
    executor.execute_many(queries()["record_parent_read"], parameters)


def forget_parents_read(executor: Executor, stream: str, scope: Scope, parents: Collection[str]) -> None:
    """Forget that a nested stream was read for these parents."""
    of_scope = {"stream": stream, **scope._asdict()}
    executor.execute_many(queries()["forget_parent_read"], [of_scope | {"parent_key": parent} for parent in parents])
