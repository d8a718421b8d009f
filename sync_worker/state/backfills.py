"""Backfills that are under way: what was asked for, and which of its parts are read already."""

from __future__ import annotations

from datetime import date

from sync_worker.model import Scope
from sync_worker.state.executor import Executor
from sync_worker.state.queries import queries


def begin_backfill(executor: Executor, request: str, until_on: date) -> date:
    """Write that a backfill begins; its last day, which is the one it first began with."""
    executor.execute(queries()["begin_backfill"], {"request": request, "until_on": until_on.isoformat()})
    return backfill_until(executor, request) or until_on


def backfill_until(executor: Executor, request: str) -> date | None:
    """The last day of a backfill that has begun."""
    found = executor.execute(queries()["backfill_until"], {"request": request})
    return date.fromisoformat(str(found[0][0])) if found else None


def backfilled_parts(executor: Executor, request: str, stream: str, scope: Scope) -> set[str]:
    """The parts of one (stream, scope) that are read already."""
    parameters = {"request": request, "stream": stream, **scope._asdict()}
    return {str(part) for (part,) in executor.execute(queries()["backfilled_parts"], parameters)}


def record_backfilled_part(executor: Executor, request: str, stream: str, scope: Scope, part: str, run_id: str) -> None:
    """Store that a part is complete."""
    executor.execute(
        queries()["record_backfilled_part"],
        {"request": request, "stream": stream, **scope._asdict(), "part": part, "run_id": run_id},
    )


def forget_backfill(executor: Executor, request: str) -> None:
    """Drop a backfill that is finished."""
    executor.execute(queries()["forget_backfilled_parts"], {"request": request})
    executor.execute(queries()["forget_backfill"], {"request": request})
