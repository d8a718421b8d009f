"""Backfills that are under way: what was requested, and which of its parts are read already."""

from __future__ import annotations

from datetime import date

from sync_worker.model import Scope
from sync_worker.state.executor import Executor
from sync_worker.state.queries import queries
from sync_worker.state.rows import execute, fetch_value
from sync_worker.state.scopes import scope_parameters


def begin_backfill(executor: Executor, request: str, until_on: date) -> date:
    """Write that a backfill begins; return its last day, which is the one it first began with."""
    execute(executor, "begin_backfill", request=request, until_on=until_on)
    return backfill_until(executor, request) or until_on


def backfill_until(executor: Executor, request: str) -> date | None:
    """Return the last day of a backfill that has begun."""
    return fetch_value(executor, date, "backfill_until", request=request)


def backfilled_parts(executor: Executor, request: str, stream: str, scope: Scope) -> set[str]:
    """Return the parts of one (stream, scope) that are read already."""
    parameters = {"request": request, "stream": stream, **scope_parameters(scope)}
    return {part for (part,) in executor.execute(queries()["backfilled_parts"], parameters)}


def record_backfilled_part(executor: Executor, request: str, stream: str, scope: Scope, part: str, run_id: str) -> None:
    """Store that a part is complete."""
    where = scope_parameters(scope)
    execute(executor, "record_backfilled_part", request=request, stream=stream, **where, part=part, run_id=run_id)


def forget_backfill(executor: Executor, request: str) -> None:
    """Drop a backfill that is finished."""
    execute(executor, "forget_backfilled_parts", request=request)
    execute(executor, "forget_backfill", request=request)
