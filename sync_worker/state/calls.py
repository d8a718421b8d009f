"""Calls as they were counted, kept by day for as long as Procore grades an app on them, and longer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, cast

from sync_worker.model import CallLine
from sync_worker.state.executor import Executor, View
from sync_worker.state.queries import queries


def record_calls(executor: Executor, counted: Mapping[CallLine, int]) -> None:
    """Add to what is counted."""
    if counted:
        rows = [line._asdict() | {"day": line.day.isoformat(), "calls": calls} for line, calls in counted.items()]
        executor.execute_many(queries()["record_calls"], rows)


def calls_since(view: View, first_day: date) -> dict[CallLine, int]:
    """What was counted on that day and later."""
    if not view.has_table("_calls"):
        return {}
    rows = view.execute(queries()["calls_since"], {"first_day": first_day.isoformat()})
    return {
        CallLine(date.fromisoformat(day), company_id, stream, kind): calls
        for day, company_id, stream, kind, calls in cast("list[tuple[Any, ...]]", rows)
    }


def prune_calls(executor: Executor, first_day: date) -> None:
    """Remove what was counted before that day."""
    executor.execute(queries()["prune_calls"], {"first_day": first_day.isoformat()})
