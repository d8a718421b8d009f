"""The two windows of Procore's rate limit, fixed or rolling. Every request counts, refused ones too."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from math import ceil, floor
from typing import NamedTuple

from sync_worker.clock import Clock

HOUR_SECONDS = 3_600.0
SPIKE_SECONDS = 10.0


class Limits(NamedTuple):
    """Requests an hour and requests in 10 seconds, None for one that is off; windows are fixed unless `rolling`."""

    hourly: int | None = None
    spike: int | None = None
    rolling: bool = False


NO_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class WindowState:
    """One window after a request, as `X-Rate-Limit-*` reports it."""

    limit: int
    remaining: int
    reset_at: float
    is_refused: bool

    def headers(self, now: float) -> dict[str, str]:
        """Return the headers; a refusal also has `Retry-After`."""
        found = {
            "X-Rate-Limit-Limit": str(self.limit),
            "X-Rate-Limit-Remaining": str(self.remaining),
            "X-Rate-Limit-Reset": str(ceil(self.reset_at)),
        }
        return found | {"Retry-After": str(max(1, ceil(self.reset_at - now)))} if self.is_refused else found


class _FixedWindow:
    def __init__(self, limit: int, seconds: float) -> None:
        self.limit, self.seconds = limit, seconds
        self._start, self._used = 0.0, 0

    def take(self, now: float) -> WindowState:
        # Windows begin at full hours of the clock, and not at the first request.
        start = floor(now / self.seconds) * self.seconds
        if start != self._start:
            self._start, self._used = start, 0
        self._used += 1
        return WindowState(self.limit, max(0, self.limit - self._used), start + self.seconds, self._used > self.limit)


class _RollingWindow:
    def __init__(self, limit: int, seconds: float) -> None:
        self.limit, self.seconds = limit, seconds
        self._taken: deque[float] = deque()

    def take(self, now: float) -> WindowState:
        while self._taken and self._taken[0] <= now - self.seconds:
            self._taken.popleft()
        # Refused requests count too, as in Procore.
        self._taken.append(now)
        used = len(self._taken)
        # The window has room again once enough of the oldest requests have left it.
        gate = self._taken[max(0, used - self.limit)] if used > self.limit else self._taken[0]
        return WindowState(self.limit, max(0, self.limit - used), gate + self.seconds, used > self.limit)


class Allowance:
    """Both windows and how much of them is used."""

    def __init__(self, clock: Clock, limits: Limits) -> None:
        self._clock = clock
        kind = _RollingWindow if limits.rolling else _FixedWindow
        wanted = ((limits.hourly, HOUR_SECONDS), (limits.spike, SPIKE_SECONDS))
        self._windows = [kind(limit, seconds) for limit, seconds in wanted if limit is not None]

    def take(self) -> tuple[WindowState | None, dict[str, str]]:
        """Count a request; return the window nearer to its limit, as Procore reports only one, and its headers."""
        now = self._clock.now().timestamp()
        states = [window.take(now) for window in self._windows]
        if not states:
            return None, {}
        refusals = [state for state in states if state.is_refused]
        reported = (
            max(refusals, key=lambda state: state.reset_at)
            if refusals
            else min(states, key=lambda state: state.remaining)
        )
        return reported, reported.headers(now)
