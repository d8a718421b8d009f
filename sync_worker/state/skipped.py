"""The calls that runs did not make, and why."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from enum import StrEnum
from typing import NamedTuple

from sync_worker.state.executor import Executor
from sync_worker.state.queries import queries
from sync_worker.state.rows import fetch

TOOL_OFF = "the tool is off in this project"
"""The beginning of the ledger's reason for a scope that was skipped because its tool is off."""


class SkipReason(StrEnum):
    """The reason why a list was not requested; each would have cost a call at least."""

    TOOL_OFF = "tool_off"
    """The tool is switched off in the project."""
    NOT_PERMITTED = "not_permitted"
    """It was refused before and is tried again later."""
    NOT_LISTED = "not_listed"
    """Procore does not show the project."""
    INACTIVE_PROJECT = "inactive_project"
    """The project is inactive and was read within the week."""
    NOT_DUE = "not_due"
    """It can only be read whole, which it was not long ago."""
    UNCHANGED_PARENT = "unchanged_parent"
    """It is nested in a record that has not moved since it was read."""


class SkippedRequests(NamedTuple):
    """Calls of one stream that were not made."""

    stream: str
    reason: SkipReason
    calls: int


def record_skipped(executor: Executor, run_id: str, calls: Mapping[tuple[str, SkipReason], int]) -> None:
    """Store what a run did not ask for, by stream and reason."""
    executor.execute_many(
        queries()["record_skipped"],
        [
            {"run_id": run_id, "stream": stream, "reason": reason, "calls": number}
            for (stream, reason), number in sorted(calls.items())
        ],
    )


def run_skipped(executor: Executor, run_id: str) -> list[SkippedRequests]:
    """Return the calls that one run did not make."""
    return fetch(executor, SkippedRequests, "run_skipped", run_id=run_id)


class _SkippedByRun(NamedTuple):
    started_at: datetime
    reason: SkipReason
    calls: int


def skipped_by_day(executor: Executor, first_day: date) -> Mapping[date, Counter[SkipReason]]:
    """Return the calls that runs did not make, by the day in UTC on which each began and by reason."""
    found: dict[date, Counter[SkipReason]] = defaultdict(Counter)
    since = datetime.combine(first_day, time(), UTC)
    for line in fetch(executor, _SkippedByRun, "skipped_by_run", since=since):
        found[line.started_at.astimezone(UTC).date()][line.reason] += line.calls
    return found
