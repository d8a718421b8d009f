"""When the next call may go: both windows of the allowance, calls under way, and the queue. Pure.

Both windows are learned from headers, which name neither: they report whichever is nearer to running out. So what an
answer says is left is left in the other window too. `RateLimit` waits, reports the answers, and holds the lock.
"""

from __future__ import annotations

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
_PATIENCE = 9
_SKEW_SECONDS = 5.0
_MANY_TIMES = 8
_SMOOTHING = 0.2


class QueuePosition(NamedTuple):
    """A place in the queue of calls that wait: better priorities first, then first come, first served."""

    priority: Priority
    number: int


class WindowReport(NamedTuple):
    """What the headers of an answer, maybe a refusal, say: limit, what is left, the reset and how far ahead that is."""

    limit: int | None
    remaining: int
    reset: int
    reset_seconds: float
    is_refusal: bool = False


class RateLimiter:
    """Lets calls go as the allowance has room: `share` of it is ours, `concurrency` calls may be under way at once."""

    def __init__(self, share: float, concurrency: int) -> None:
        self.hour = RateWindow(HOUR_SECONDS, share)
        self.spike = RateWindow(SPIKE_SECONDS, share)
        self.last_reported: tuple[LastReport, RateWindow] | None = None
        self.under_way = 0
        self.blocked_until = 0.0
        self._volleys = 0
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
        """Give the place up, sent or not."""
        self._queue.remove(position)

    def opens_at(self, position: QueuePosition, now: float) -> float | None:
        """Return when this position may send, `now` for at once, None if another call has to move first."""
        opens_at = self.room_at(now)
        if opens_at is None or opens_at > now:
            return opens_at
        if position != self._first():
            return None
        return opens_at if self._is_due() else self.room_at(now, position.priority)

    def room_at(self, now: float, reserve: Priority = Priority.MANUAL) -> float | None:
        """Return when one more call of anyone fits in, None if a call under way must be answered first."""
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
            self._volleys += 1  # answers to calls that were under way already are the same volley
        # A reset that has passed, or none, must not turn into hammering.
        seconds = max(server_seconds, min(2.0 ** (self._volleys - 1), LONGEST_BACKOFF_SECONDS))
        self.block(now + min(seconds, LONGEST_WAIT_SECONDS))

    def block(self, until: float) -> None:
        """Block all calls until then."""
        self.blocked_until = max(self.blocked_until, until)

    def lift(self) -> None:
        """Forget the wait that an answer imposed; our share of the limits still applies."""
        self.blocked_until, self.last_reported, self._volleys = 0.0, None, 0
        for window in (self.hour, self.spike):
            window.forget_report()

    def accepted(self) -> None:
        """Record that the server accepts calls, so the next refusal starts with the shortest pause."""
        self._volleys = 0

    def _take(self, report: WindowReport, number: int, now: float) -> None:
        resets_at = now + min(report.reset_seconds, LONGEST_WAIT_SECONDS)
        last = LastReport(report.remaining, resets_at, self._sent, report.is_refusal)
        window = self._named(report)
        if window is self.hour and report.limit == self.spike.limit:
            self.spike.limit = None  # the end of an hour was taken for it
        if self.last_reported is None or self.last_reported[0].is_outdated_by(last.remaining, number):
            self.last_reported = last, window
        if report.limit and (
            window.last_report is None
            or window.limit != report.limit
            or window.last_report.is_outdated_by(last.remaining, number)
        ):
            window.record_report(report.limit, last, report.reset, now, self.under_way)
            # One server counts one way; a spike shows which within seconds, an hour only at its end.
            self.hour.rolls |= self.spike.rolls

    def _first(self) -> QueuePosition:
        return min(self._queue, key=lambda it: it.number) if self._is_due() else min(self._queue)

    def _is_due(self) -> bool:
        """Return True if the longest waiting call goes next, whatever the priority of the others."""
        return self._passed_over >= _PATIENCE

    def _reported_room_at(self, now: float) -> float | None:
        """Return when one more call may go by the last report, whichever window it was of."""
        if self.last_reported is None:
            # Nothing is known: only the first call goes, and its answer reports the limits.
            return now if self._is_unlimited or not self.under_way else None
        last, window = self.last_reported
        others = window.others(now)
        left = last.remaining - (others > 0)
        if now < last.resets_at and left <= 0 and not window.rolls:
            return None if self.under_way else last.resets_at
        # Another client may take at once what it took in all, or half of everything if it only just started; of those
        # under way then all but one would be refused.
        limit = window.limit or last.remaining
        abreast = max(last.remaining - max(others, limit // 2), self._abreast(window))
        return now if self.under_way < max(1, min(abreast, left)) else None

    def _abreast(self, window: RateWindow) -> int:
        """Return how many concurrent calls use our whole share of a window, given the average answer time."""
        return ceil((window.granted or 0) / window.seconds * self._answer_seconds)

    def _named(self, report: WindowReport) -> RateWindow:
        """Return the window of a report: by its end, or by its limit if the end is near, since an hour ends too.

        The oldest call of a rolling hour may leave in a moment at any time.
        """
        hour, spike, limit = self.hour.limit, self.spike.limit, report.limit
        if report.reset_seconds > SPIKE_SECONDS + _SKEW_SECONDS:
            return self.hour
        if limit is None or limit == spike or spike is None:
            return self.hour if limit is not None and limit == hour else self.spike
        if hour is None:
            return self.hour if limit > _MANY_TIMES * spike else self.spike
        return self.hour if limit * limit > hour * spike else self.spike
