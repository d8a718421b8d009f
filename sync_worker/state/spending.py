"""What was spent on calls and what was spared, by run and by day."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple, cast

from sync_worker.model import ALL_CALLS, SUCCEEDED
from sync_worker.state.calls import calls_since
from sync_worker.state.executor import View
from sync_worker.state.queries import queries
from sync_worker.state.skipped import run_avoided


class DaySpent(NamedTuple):
    """The calls of one day, those of them that succeeded, and those that were not made, by reason."""

    day: str
    calls: int
    succeeded: int
    avoided: Mapping[str, int]


def days_spent(view: View, first_day: date) -> list[DaySpent]:
    """What each day came to on which anything was counted, the newest first."""
    counted: Counter[tuple[str, str]] = Counter()
    for line, calls in calls_since(view, first_day).items():
        counted[line.day.isoformat(), line.kind] += calls
    skipped = _avoided_by_day(view, first_day)
    days = sorted({day for day, _ in counted} | skipped.keys(), reverse=True)
    return [DaySpent(day, counted[day, ALL_CALLS], counted[day, SUCCEEDED], skipped.get(day, {})) for day in days]


def skipped_by_run(view: View, run_id: str) -> dict[str, int]:
    """The calls that a run did not make, by reason, the most first."""
    found: Counter[str] = Counter()
    for line in run_avoided(view, run_id) if view.has_table("_avoided") else []:
        found[line.because] += line.calls
    return dict(found.most_common())


def _avoided_by_day(view: View, first_day: date) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = defaultdict(dict)
    if not view.has_table("_avoided"):
        return found
    rows = view.execute(queries()["avoided_by_day"], {"first_day": first_day.isoformat()})
    for day, reason, calls in cast("list[tuple[Any, ...]]", rows):
        found[day][reason] = calls
    return found
