"""One window of the allowance: how much of it we have used, how much others have, and when the next call fits in. Pure.

Our calls are kept for as long as the window is, counted from the last moment at which the server can have counted them.
So a window, fixed or rolling, is never overdrawn, whenever it begins. Used by rate_limiter.
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
    """Calls of the last `seconds`; those of a six-hundredth of it count as one moment, their last."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._moments: deque[tuple[float, float, int]] = deque()
        self._total = 0

    def __iter__(self) -> Iterator[tuple[float, int]]:
        return ((last, calls) for _, last, calls in self._moments)

    def add(self, at: float, calls: int = 1) -> None:
        """Count calls; `at` never goes back."""
        first, before = at, 0
        if self._moments and at - self._moments[-1][0] < self._seconds / _PARTS:
            first, _, before = self._moments.pop()
        self._moments.append((first, at, before + calls))
        self._total += calls

    def count(self, now: float) -> int:
        """Return how many there are now."""
        while self._moments and self._moments[0][1] + self._seconds <= now:
            self._total -= self._moments.popleft()[2]
        return self._total

    def count_at(self, moment: float) -> int:
        """Return how many of them will still be there then."""
        return sum(calls for last, calls in self if last + self._seconds > moment)

    def rid_of(self, calls: int) -> float:
        """Return when that many of them will have left."""
        for _, last, left in self._moments:
            calls -= left
            if calls <= 0:
                return last + self._seconds
        raise ValueError("so many were never counted")


class LastReport(NamedTuple):
    """What an answer, maybe a refusal, said is left in a window and when that ends; `sent` calls had left by then.

    Of answers to calls that were under way together, the one with less left was counted last, whichever comes first.
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
        # Ninety per cent of ten are nine, whatever floats make of it.
        return None if self.limit is None else max(1, floor(self._share * self.limit + 1e-9))

    def used(self, now: float) -> int:
        """Our calls that were sent within the window that ends now."""
        return self._sent.count(now)

    def spent(self) -> Iterator[tuple[float, int]]:
        """Moments and how many calls we sent in each."""
        return iter(self._sent)

    def others(self, now: float) -> int:
        """Return how many calls other clients have probably used."""
        if now >= self._others_until:
            return 0
        if not self.rolls or self.last_report is None:
            return self._others
        # The other client may have gone on as before with none of its first calls gone yet; refused calls count unseen.
        unseen = 2 if self.last_report.is_refusal else 1
        return ceil(self._others * (1 + unseen * (now - self._reported_at) / self.seconds))

    def send(self, now: float, calls: int = 1) -> None:
        """Count calls of ours as sent."""
        self._sent.add(now, calls)

    def end(self, now: float, calls: int = 1) -> None:
        """Count calls of ours as over; their age in the window runs from now."""
        self._answered.add(now, calls)

    def record_report(self, limit: int, report: LastReport, reset: int, now: float, under_way: int) -> None:
        """Record what the server reports of this window; `reset` is its end on the server's own clock."""
        if limit != self.limit:
            self.limit, self._reset = limit, None
        if self._reset is None or reset - self._reset >= self.seconds - _JITTER_SECONDS:
            self._reset = reset
        elif reset - self._reset > _JITTER_SECONDS:
            # A fixed window ends a whole window after the one before it.
            self.rolls = True
        self.last_report, self._reported_at = report, now
        # Refused calls may have overdrawn a window that rolls; our own that leave by its reset show by how much.
        ours = self._answered.count(now)
        staying = self._answered.count_at(report.resets_at) if self.rolls and report.is_refusal else ours
        self._others = max(0, limit - report.remaining - staying - under_way)
        self._others_until = report.resets_at
        if self.rolls:
            # Its reset frees the place of one call, which is mostly gone by then; our own places come back to us.
            self._others_until = now + self.seconds * (1 if ours else _DOUBT_SHARE)

    def forget_report(self) -> None:
        """Discard the last report; the limit and our own calls stay."""
        self.last_report, self._others, self._others_until = None, 0, 0.0

    def opens_at(self, now: float, under_way: int, reserve: int = 0) -> float | None:
        """Return when one more call fits in, None if a call under way must be answered first."""
        if self.limit is None or self.granted is None:
            return now
        ours = self._within(self._sent, now, max(1, self.granted - reserve))
        others = self.others(now)
        # One place stays free where another client calls too: it may have called since.
        room = self.limit - others - (others > 0) - under_way
        if room <= 0:
            return None if under_way else max(ours, self._others_until)
        free = self._within(self._answered, now, room)
        return max(ours, min(free, self._others_until) if others else free)

    def _within(self, calls: Recent, now: float, room: int) -> float:
        over = calls.count(now) - room
        return now if over < 0 else calls.rid_of(over + 1)
