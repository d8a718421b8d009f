"""The allowance as it was last known, for the next process and for commands that show it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from sync_worker.state.executor import Executor
from sync_worker.state.instants import CLOCKS_AGREE
from sync_worker.state.queries import queries
from sync_worker.state.rows import decoded, execute, fetch, fetch_value

HOUR, SPIKE = "hour", "spike"


class StoredWindow(NamedTuple):
    """One window as it stood at `seen_at`.

    `limit`, `remaining` and `resets_at` are as Procore sent them, None before it did; `granted` is our share
    of the limit and `used` our own calls within the last `seconds`. `waits_until` is when the next call may go, None
    when it may go at once.
    """

    period: str
    seconds: int
    limit: int | None
    granted: int | None
    used: int
    remaining: int | None
    resets_at: datetime | None
    waits_until: datetime | None
    seen_at: datetime


class StoredAllowance(NamedTuple):
    """Both windows, where they are known, and our calls of the last hour by minute."""

    windows: Sequence[StoredWindow] = ()
    spent: Mapping[datetime, int] = {}

    def window(self, period: str) -> StoredWindow | None:
        """Return the window of that period, None if it is not known."""
        return next((window for window in self.windows if window.period == period), None)

    def used_this_hour(self, now: datetime) -> int:
        """Return the number of our own calls in the hour that ends now."""
        return sum(calls for minute, calls in self.spent.items() if minute > now - timedelta(hours=1))

    def waits_until(self, now: datetime) -> datetime | None:
        """Return when the next call may go, None if it may go now; a wait stored by a clock that is ahead is over."""
        believed = [it for it in self.windows if it.seen_at - now <= CLOCKS_AGREE]
        ahead = [it.waits_until for it in believed if it.waits_until is not None and it.waits_until > now]
        return max(ahead, default=None)


def read_allowance(executor: Executor) -> StoredAllowance:
    """Return what was last known; empty before the first call."""
    spent: dict[datetime, int] = {}
    for (text,) in executor.execute(queries()["read_spent"]):
        spent |= decoded(text, dict[datetime, int])
    return StoredAllowance(fetch(executor, StoredWindow, "read_allowance"), spent)


def write_allowance(executor: Executor, known: StoredAllowance) -> None:
    """Replace the stored allowance."""
    spent = msgspec.json.encode(known.spent).decode()
    for window in known.windows:
        # Only the hour's window needs the calls of the hour, minute by minute.
        execute(executor, "write_allowance", **window._asdict(), spent=spent if window.period == HOUR else None)


def lift_allowance(executor: Executor, now: datetime) -> None:
    """End the wait that a response demanded, for the next process and for one that waits."""
    execute(executor, "lift_allowance", lifted_at=now)


def allowance_lifted_at(view: Executor) -> datetime | None:
    """Return when a person last ended a wait, None if nobody did."""
    return fetch_value(view, datetime, "allowance_lifted_at")
