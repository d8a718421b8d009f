"""The allowance as it was last known, for the next process and for whoever looks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple, cast

from sync_worker.state.executor import Executor
from sync_worker.state.instants import CLOCKS_AGREE, from_text, to_text
from sync_worker.state.queries import queries

HOUR, SPIKE = "hour", "spike"


class StoredWindow(NamedTuple):
    """One window as it stood at `seen_at`.

    `limit`, `remaining` and `resets_at` are as Procore told them, None for what it has not told; `granted` is our share
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
        """The window of that name."""
        return next((window for window in self.windows if window.period == period), None)

    def used_this_hour(self, now: datetime) -> int:
        """Our own calls of the hour that ends now."""
        return sum(calls for minute, calls in self.spent.items() if minute > now - timedelta(hours=1))

    def waits_until(self, now: datetime) -> datetime | None:
        """When the next call may go, None when it may go now; a wait that was stored in the future is over."""
        believed = [it for it in self.windows if it.seen_at - now <= CLOCKS_AGREE]
        ahead = [it.waits_until for it in believed if it.waits_until is not None and it.waits_until > now]
        return max(ahead, default=None)


def read_allowance(executor: Executor) -> StoredAllowance:
    """What was last known; empty before the first call."""
    rows = cast("list[tuple[Any, ...]]", executor.execute(queries()["read_allowance"]))
    spent = cast("list[tuple[str, int]]", executor.execute(queries()["read_spent"]))
    return StoredAllowance(
        [_stored(*row) for row in rows],
        {from_text(minute): calls for minute, calls in spent},
    )


def write_allowance(executor: Executor, known: StoredAllowance) -> None:
    """Put what is known now in the place of what was."""
    for window in known.windows:
        instants = {name: _text(getattr(window, name)) for name in ("resets_at", "waits_until", "seen_at")}
        executor.execute(queries()["write_allowance"], window._asdict() | instants)
    executor.execute(queries()["forget_spent"])
    rows = [(to_text(minute), calls) for minute, calls in known.spent.items()]
    executor.insert("_allowance_spent", ("minute", "calls"), rows)


def lift_allowance(executor: Executor, now: datetime) -> None:
    """End the wait that an answer dictated, for the next process and for one that waits."""
    executor.execute(queries()["lift_allowance"], {"lifted_at": to_text(now)})


def allowance_lifted_at(view: Executor) -> datetime | None:
    """Return when somebody last ended the wait, None if nobody ever did."""
    rows = cast("list[tuple[str | None]]", view.execute(queries()["allowance_lifted_at"]))
    return _instant(rows[0][0])


def _stored(*row: Any) -> StoredWindow:
    *told, resets_at, waits_until, seen_at = row
    return StoredWindow._make((*told, _instant(resets_at), _instant(waits_until), from_text(seen_at)))


def _instant(text: str | None) -> datetime | None:
    return from_text(text) if text else None


def _text(instant: datetime | None) -> str | None:
    return to_text(instant) if instant else None
