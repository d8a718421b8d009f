"""Decides when the next call may be sent, from both windows of the allowance, calls under way, and the queue. Pure.

The headers of an answer report one window, the one nearer to its limit, and do not say which. So at least as many calls
are left in the other one. `RateLimit` waits, passes the answers on, and holds the lock.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from math import ceil
from typing import NamedTuple

from sync_worker.client.rate_window import LastReport, RateWindow
from sync_worker.model import Priority

HOUR_SECONDS = 3600.0
SPIKE_SECONDS = 10.0
RESERVE_SHARE = 0.01
"""Share of the limit reserved per priority level, so that a manual run is never starved (3% in all)."""
LONGEST_WAIT_SECONDS = 65 * 60.0
"""The longest wait that one answer can cause: an hour, the longest window, and a margin for clocks that differ."""
LONGEST_BACKOFF_SECONDS = 60.0
# The most calls with a better priority that go before the one that has waited longest.
_MOST_PASSED_OVER = 9
# The reset of a spike may seem later than 10 s ahead, as clocks differ.
_SKEW_SECONDS = 5.0
# While only the spike's limit is known, a limit more than so many times larger is taken for the hour's.
_HOUR_TIMES_SPIKE = 8
# The weight of the newest answer in the average answer time.
_SMOOTHING = 0.2


@dataclass(eq=False, slots=True)
class QueuePosition:
    """A place in the queue of calls that wait: by priority, which may rise, then first come, first served."""

    priority: Priority
    number: int

    def __lt__(self, other: QueuePosition) -> bool:
        return (self.priority, self.number) < (other.priority, other.number)


class WindowReport(NamedTuple):
    """The headers of an answer or refusal: limit, calls left, the reset by the server's clock, and seconds to it."""

    limit: int | None
    remaining: int
    reset: int
    reset_seconds: float
    is_refusal: bool = False


class RateLimiter:
    """The rate limit of one credential: `share` of it is ours, and `concurrency` calls may be under way at once."""

    def __init__(self, share: float, concurrency: int) -> None:
        self.hour = RateWindow(HOUR_SECONDS, share)
        self.spike = RateWindow(SPIKE_SECONDS, share)
        self.last_reported: tuple[LastReport, RateWindow] | None = None
        self.under_way = 0
        self.blocked_until = 0.0
        self._refusals = 0
        self._concurrency = concurrency
        self._is_unlimited = False
        self._sent = 0
        self._sent_at: dict[int, float] = {}
        self._answer_seconds = 0.0
        self._positions = count()
        self._queue: list[QueuePosition] = []
        self._passed_over = 0

    def join(self, priority: Priority) -> QueuePosition:
        """Take a place in the queue."""
        position = QueuePosition(priority, next(self._positions))
        self._queue.append(position)
        return position

    def leave(self, position: QueuePosition) -> None:
        """Leave the queue, whether the call was sent or not."""
        self._queue.remove(position)

    def opens_at(self, position: QueuePosition, now: float) -> float | None:
        """Return when this position may send, `now` for at once, None if another call has to be sent or end first."""
        opens_at = self.room_at(now)
        if opens_at is None or opens_at > now:
            return opens_at
        is_due = self._passed_over >= _MOST_PASSED_OVER
        first = min(self._queue, key=lambda it: it.number) if is_due else min(self._queue)
        if position != first:
            return None
        return opens_at if is_due else self.room_at(now, position.priority)

    def room_at(self, now: float, reserve: Priority = Priority.MANUAL) -> float | None:
        """Return when there is room for a call of any position, None if a call under way must end first."""
        if self.under_way >= self._concurrency:
            return None
        moments = [max(now, self.blocked_until), self._reported_room_at(now)]
        for window in (self.hour, self.spike):
            kept = int(RESERVE_SHARE * reserve * (window.granted or 0))
            moments.append(window.opens_at(now, self.under_way, kept))
        known = [moment for moment in moments if moment is not None]
        return max(known) if len(known) == len(moments) else None

    def send(self, position: QueuePosition, now: float) -> int:
        """Record that the call is sent and return its number."""
        is_passing = any(other.priority > position.priority for other in self._queue)
        self._passed_over = self._passed_over + 1 if is_passing else 0
        for window in (self.hour, self.spike):
            window.send(now)
        self.under_way += 1
        self._sent += 1
        self._sent_at[self._sent] = now
        return self._sent

    def end(self, number: int, now: float, report: WindowReport | None = None, *, is_answer: bool = True) -> None:
        """Record the end of a call; an answer without a `report` comes from a server without limits."""
        self.under_way -= 1
        took = now - self._sent_at.pop(number)
        self._answer_seconds += _SMOOTHING * (took - self._answer_seconds)
        for window in (self.hour, self.spike):
            window.end(now)
        if report is None:
            self._is_unlimited |= is_answer and self.last_reported is None
        else:
            self._take(report, number, now)

    def throttle(self, server_seconds: float, now: float) -> None:
        """Block all calls for as long as the server said, or for a growing pause if it did not say."""
        if now >= self.blocked_until:
            self._refusals += 1  # answers to calls that were under way already count with the first
        # With a reset that has passed, or none, calls would be repeated at once.
        seconds = max(server_seconds, min(2.0 ** (self._refusals - 1), LONGEST_BACKOFF_SECONDS))
        self.block(now + min(seconds, LONGEST_WAIT_SECONDS))

    def block(self, until: float) -> None:
        """Block all calls until then."""
        self.blocked_until = max(self.blocked_until, until)

    def lift(self) -> None:
        """End the wait that an answer demanded; our share of the limits still applies."""
        self.blocked_until, self.last_reported, self._refusals = 0.0, None, 0
        for window in (self.hour, self.spike):
            window.forget_report()

    def accepted(self) -> None:
        """Record that the server accepts calls, so that the next refusal begins with the shortest pause."""
        self._refusals = 0

    def _take(self, report: WindowReport, number: int, now: float) -> None:
        resets_at = now + min(report.reset_seconds, LONGEST_WAIT_SECONDS)
        last = LastReport(report.remaining, resets_at, self._sent, report.is_refusal)
        window = self._window_of(report)
        if window is self.hour and report.limit == self.spike.limit:
            self.spike.limit = None  # the end of an hour was taken for a spike
        if self.last_reported is None or self.last_reported[0].is_outdated_by(last.remaining, number):
            self.last_reported = last, window
        if report.limit and (
            window.last_report is None
            or window.limit != report.limit
            or window.last_report.is_outdated_by(last.remaining, number)
        ):
            window.record_report(report.limit, last, report.reset, now, self.under_way)
            # A server counts both alike; a spike shows within seconds how, an hour only at its end.
            self.hour.rolls |= self.spike.rolls

    def _reported_room_at(self, now: float) -> float | None:
        """Return when one more call may go by the last report, whichever window it was of."""
        if self.last_reported is None:
            # Nothing is known: only the first call is sent, and its answer reports the limits.
            return now if self._is_unlimited or not self.under_way else None
        last, window = self.last_reported
        others = window.others(now)
        left = last.remaining - (others > 0)
        if now < last.resets_at and left <= 0 and not window.rolls:
            return None if self.under_way else last.resets_at
        # Another client may use at once as much as it used so far, or half of the limit if it has just started. All but
        # one of our calls under way would then be refused.
        limit = window.limit or last.remaining
        # So many calls use our whole share of the window at the average answer time; more would not be faster.
        useful = ceil((window.granted or 0) / window.seconds * self._answer_seconds)
        concurrency = max(last.remaining - max(others, limit // 2), useful)
        return now if self.under_way < max(1, min(concurrency, left)) else None

    def _window_of(self, report: WindowReport) -> RateWindow:
        """Return the window of a report: by its end, or by its limit if the end is near.

        An hour ends, too, and the oldest call of a rolling hour may leave it at any moment.
        """
        hour, spike, limit = self.hour.limit, self.spike.limit, report.limit
        if report.reset_seconds > SPIKE_SECONDS + _SKEW_SECONDS:
            return self.hour
        if limit is None or limit == spike or spike is None:
            return self.hour if limit is not None and limit == hour else self.spike
        if hour is None:
            return self.hour if limit > _HOUR_TIMES_SPIKE * spike else self.spike
        return self.hour if limit * limit > hour * spike else self.spike
