"""Calls by day, kept for as long as Procore grades an app on them, and longer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import NamedTuple

from sync_worker.model import CallLine
from sync_worker.state.executor import Executor, View
from sync_worker.state.queries import queries
from sync_worker.state.rows import execute, fetch


class _CountedCalls(NamedTuple):
    day: date
    company_id: int | None
    stream: str | None
    kind: str
    calls: int

    @property
    def line(self) -> CallLine:
        return CallLine(self.day, self.company_id, self.stream, self.kind)


def record_calls(executor: Executor, counted: Mapping[CallLine, int]) -> None:
    """Add to what is counted."""
    if counted:
        rows = [line._asdict() | {"calls": calls} for line, calls in counted.items()]
        executor.execute_many(queries()["record_calls"], rows)


def calls_since(view: View, first_day: date) -> dict[CallLine, int]:
    """Return what was counted on that day and later."""
    rows = fetch(view, _CountedCalls, "calls_since", first_day=first_day)
    return {row.line: row.calls for row in rows}


def prune_calls(executor: Executor, first_day: date) -> None:
    """Remove what was counted before that day."""
    execute(executor, "prune_calls", first_day=first_day)
