"""Calls that were made and calls that were avoided, by run and by day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date
from typing import NamedTuple

from sync_worker.model import ALL_CALLS, SUCCEEDED
from sync_worker.state.calls import calls_since
from sync_worker.state.executor import View
from sync_worker.state.skipped import run_skipped, skipped_by_day


class DaySpent(NamedTuple):
    """The calls of one day, those that succeeded, and those that were avoided by reason."""

    day: str
    calls: int
    succeeded: int
    avoided: Mapping[str, int]


def days_spent(view: View, first_day: date) -> list[DaySpent]:
    """Return the days on which anything was counted, newest first."""
    counted: Counter[tuple[str, str]] = Counter()
    for line, calls in calls_since(view, first_day).items():
        counted[line.day.isoformat(), line.kind] += calls
    skipped = {
        day.isoformat(): {str(reason): calls for reason, calls in found.most_common()}
        for day, found in skipped_by_day(view, first_day).items()
    }
    days = sorted({day for day, _ in counted} | skipped.keys(), reverse=True)
    return [DaySpent(day, counted[day, ALL_CALLS], counted[day, SUCCEEDED], skipped.get(day, {})) for day in days]


def skipped_by_run(view: View, run_id: str) -> dict[str, int]:
    """Return the calls that a run avoided by reason, the most first."""
    found: Counter[str] = Counter()
    for line in run_skipped(view, run_id):
        found[line.reason] += line.calls
    return dict(found.most_common())
