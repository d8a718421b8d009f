"""One window of the allowance: how much of it we and others have used, and when there is room for a call. Pure.

Our calls count for the length of the window, from the last moment at which the server can have counted them. So a
window, fixed or rolling, is never overdrawn, whenever it begins. Used by rate_limiter.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from math import ceil, floor
from typing import NamedTuple

_PARTS = 600
_JITTER_SECONDS = 1
_DOUBT_SHARE = 1 / 6


class Recent:
    """Calls of the last `seconds`; those within a six-hundredth of it are kept together, at the time of the last."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._moments: deque[tuple[float, float, int]] = deque()
        self._total = 0

    def __iter__(self) -> Iterator[tuple[float, int]]:
        return ((last, calls) for _, last, calls in self._moments)

    def add(self, at: float, calls: int = 1) -> None:
        """Count calls; `at` must not be before the last."""
        first, before = at, 0
        if self._moments and at - self._moments[-1][0] < self._seconds / _PARTS:
            first, _, before = self._moments.pop()
        self._moments.append((first, at, before + calls))
        self._total += calls

    def count(self, now: float) -> int:
        """Return how many have not left yet."""
        while self._moments and self._moments[0][1] + self._seconds <= now:
            self._total -= self._moments.popleft()[2]
        return self._total

    def count_at(self, moment: float) -> int:
        """Return how many will not have left at `moment`."""
        return sum(calls for last, calls in self if last + self._seconds > moment)

    def gone_at(self, calls: int) -> float:
        """Return when so many will have left."""
        for _, last, left in self._moments:
            calls -= left
            if calls <= 0:
                return last + self._seconds
        raise ValueError("so many were never counted")


class LastReport(NamedTuple):
    """The report of an answer on a window: calls left, and its end. `sent` calls had been sent when it came.

    Of answers to calls that were under way together, the one with fewer calls left is the newer, in whatever order they
    come.
    """

    remaining: int
    resets_at: float
    sent: int
    is_refusal: bool = False

    def is_outdated_by(self, remaining: int, number: int) -> bool:
        """Return True if the answer to the call of that number is newer."""
        return number > self.sent or remaining < self.remaining


class RateWindow:
    """An allowance of `limit` calls in `seconds`, None until it is announced, of which `share` is ours."""

    def __init__(self, seconds: float, share: float) -> None:
        self.seconds = seconds
        self.limit: int | None = None
        self.last_report: LastReport | None = None
        self._share = share
        self._sent = Recent(seconds)
        self._answered = Recent(seconds)
        self._reset: int | None = None
        self.rolls = False
        self._others = 0
        self._reported_at = 0.0
        self._others_until = 0.0

    @property
    def granted(self) -> int | None:
        """Calls of the limit that are ours, None if the limit is unknown."""
        # 0.9 * 10 may be a little less than 9 in floats.
        return None if self.limit is None else max(1, floor(self._share * self.limit + 1e-9))

    def used(self, now: float) -> int:
        """Return how many calls we sent within the window that ends now."""
        return self._sent.count(now)

    def spent(self) -> Iterator[tuple[float, int]]:
        """Return moments and how many calls we sent at each."""
        return iter(self._sent)

    def others(self, now: float) -> int:
        """Return how many calls other clients have probably used."""
        if now >= self._others_until:
            return 0
        if not self.rolls or self.last_report is None:
            return self._others
        # The other client may have continued as before, with none of its first calls gone yet, and as much again where
        # calls were refused: the server counts those, and no header shows them.
        unseen = 2 if self.last_report.is_refusal else 1
        return ceil(self._others * (1 + unseen * (now - self._reported_at) / self.seconds))

    def send(self, now: float, calls: int = 1) -> None:
        """Count calls of ours as sent."""
        self._sent.add(now, calls)

    def end(self, now: float, calls: int = 1) -> None:
        """Count calls of ours as answered; their age in the window counts from now."""
        self._answered.add(now, calls)

    def record_report(self, limit: int, report: LastReport, reset: int, now: float, under_way: int) -> None:
        """Record what the server reports of this window; `reset` is its end on the server's own clock."""
        if limit != self.limit:
            self.limit, self._reset = limit, None
        if self._reset is None or reset - self._reset >= self.seconds - _JITTER_SECONDS:
            self._reset = reset
        elif reset - self._reset > _JITTER_SECONDS:
            # The ends of fixed windows are a whole window apart.
            self.rolls = True
        self.last_report, self._reported_at = report, now
        # Refused calls may have overdrawn a rolling window; those of ours that leave by its reset show by how much.
        ours = self._answered.count(now)
        staying = self._answered.count_at(report.resets_at) if self.rolls and report.is_refusal else ours
        self._others = max(0, limit - report.remaining - staying - under_way)
        self._others_until = report.resets_at
        if self.rolls:
            # Its reset frees one place, which is mostly taken by then; our own calls free places for us.
            self._others_until = now + self.seconds * (1 if ours else _DOUBT_SHARE)

    def forget_report(self) -> None:
        """Discard the last report; the limit and our own calls stay."""
        self.last_report, self._others, self._others_until = None, 0, 0.0

    def opens_at(self, now: float, under_way: int, reserve: int = 0) -> float | None:
        """Return when there is room for one more call, None if a call under way must end first."""
        if self.limit is None or self.granted is None:
            return now
        ours = self._within(self._sent, now, max(1, self.granted - reserve))
        others = self.others(now)
        # One call less where another client calls, too: it may have called since.
        room = self.limit - others - (others > 0) - under_way
        if room <= 0:
            return None if under_way else max(ours, self._others_until)
        free = self._within(self._answered, now, room)
        return max(ours, min(free, self._others_until) if others else free)

    def _within(self, calls: Recent, now: float, room: int) -> float:
        over = calls.count(now) - room
        return now if over < 0 else calls.gone_at(over + 1)
