"""Keeps our requests inside Procore's allowance, which its headers report.

One object serves all threads and runs that use one credential. Used by caller, which waits for a `slot` before each
request and records the answer after it. Requests to the login host are not limited.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from sync_worker.client import outcomes
from sync_worker.client.headers import Headers, count, retry_after_seconds, seconds_until_reset
from sync_worker.client.outcomes import Action
from sync_worker.client.rate_limiter import SPIKE_SECONDS, QueuePosition, RateLimiter, WindowReport
from sync_worker.client.rate_window import RateWindow
from sync_worker.clock import Clock
from sync_worker.errors import AllowanceSpent, StopRequested
from sync_worker.logs import Event, get_logger
from sync_worker.model import Calls
from sync_worker.state.allowance import HOUR, SPIKE, StoredAllowance, StoredWindow

_NAP_SECONDS = 1.0
# The shortest pause after a refusal is a second, or a little less by rounding.
_SHORTEST_SHOWN_SECONDS = 0.9
_LOOK_EVERY_SECONDS = 5.0
_MINUTE = timedelta(minutes=1)
log = get_logger()


@dataclass(frozen=True, slots=True)
class Allowance:
    """The state of the allowance.

    `limit` and `remaining` are of the window last reported. Since the start, `acquired` requests were let through and
    `throttled` answers demanded a wait. A call now would wait for `waiting_seconds`, that is until `blocked_until`.
    `windows` has each window with our share of it.
    """

    limit: int | None
    remaining: int | None
    acquired: int
    throttled: int
    waiting_seconds: float
    blocked_until: datetime | None
    windows: StoredAllowance


class Slot:
    """The permission to send one request now."""

    def __init__(self, rate_limit: RateLimit, number: int) -> None:
        self._rate_limit = rate_limit
        self._number: int | None = number

    def record_answer(self, headers: Headers, status: int, now: datetime, *, is_suspect: bool = False) -> None:
        """Learn from the answer; `now` is the server's time, so that a wrong clock here does not matter.

        `is_suspect`: this list was refused for so long that a refusal may be about it only; others then go on.
        """
        if self._number is not None:
            self._rate_limit.observe(self._number, headers, status, now, is_suspect=is_suspect)
            self._number = None

    def close(self) -> None:
        """Release the slot. A request without an answer still counts: the server may have counted it."""
        if self._number is not None:
            self._rate_limit.give_up(self._number)
            self._number = None


class RateLimit:
    """The allowance shared by all threads that use one credential.

    `share` of it is ours, and `concurrency` requests may be under way at once; `known` was stored by an earlier
    process. `on_wait` is called with the seconds of a wait, once for all threads that wait. `lifted_at` returns when a
    user last ended a wait; it is called every few seconds of a long one.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        share: float = 1.0,
        concurrency: int = 64,
        known: StoredAllowance | None = None,
        on_wait: Callable[[float], None] = lambda _: None,
        lifted_at: Callable[[], datetime | None] | None = None,
    ) -> None:
        self._clock = clock
        self._on_wait = on_wait
        self._lifted_at = lifted_at
        self._blocked_at = clock.now()
        self._moved = threading.Condition()
        self._limiter = RateLimiter(share, concurrency)
        self._acquired = 0
        self._throttled = 0
        self._refused_until = 0.0
        self._announced_until = 0.0
        self._restore(known or StoredAllowance())

    @contextmanager
    def slot(self, stop: threading.Event, calls: Calls) -> Iterator[Slot]:
        """Wait until one request may be sent; the slot is released when the block ends.

        Raises:
            StopRequested: the stop event is set, before or during the wait.
            AllowanceSpent: the allowance is spent, and `calls` do not wait for it.
        """
        with self._moved:
            position = self._limiter.join(calls.priority)
            try:
                self._wait_for_room(position, stop, calls)
                self._acquired += 1
                slot = Slot(self, self._limiter.send(position, self._clock.monotonic()))
            finally:
                self._limiter.leave(position)
                self._moved.notify_all()
        try:
            yield slot
        finally:
            slot.close()

    def observe(self, number: int, headers: Headers, status: int, now: datetime, *, is_suspect: bool = False) -> None:
        """Learn from the answer to a request."""
        remaining, reset = count(headers, "X-Rate-Limit-Remaining"), count(headers, "X-Rate-Limit-Reset")
        reset_seconds = seconds_until_reset(headers, now)
        report = None
        if remaining is not None and reset is not None and reset_seconds is not None:
            limit = count(headers, "X-Rate-Limit-Limit")
            report = WindowReport(limit, remaining, reset, reset_seconds, is_refusal=status == 429)
        must_wait = outcomes.action(status, headers) is Action.WAIT
        with self._moved:
            at = self._clock.monotonic()
            self._limiter.end(number, at, report, is_answer=status < 500 and not must_wait)
            if must_wait:
                # A 503 is about load: with allowance left, its reset (up to an hour away) has nothing to do with it.
                resets = reset_seconds if status == 429 or not remaining else None
                waits = [seconds for seconds in (resets, retry_after_seconds(headers, now)) if seconds is not None]
                self._throttled += 1
                self._blocked_at = self._clock.now()
                if is_suspect or outcomes.leaves_allowance(status, headers):
                    # Probably only this list is throttled; the others pause for a moment, in case they are, too.
                    self._limiter.block(at + min(max(waits, default=0.0), SPIKE_SECONDS))
                else:
                    self._limiter.throttle(max(waits, default=0.0), at)
                    self._refused_until = self._limiter.blocked_until if status == 429 else self._refused_until
            else:
                self._limiter.accepted()
            self._moved.notify_all()

    def give_up(self, number: int) -> None:
        """Record that a request got no answer."""
        with self._moved:
            self._limiter.end(number, self._clock.monotonic(), is_answer=False)
            self._moved.notify_all()

    def check(self, calls: Calls) -> None:
        """Raise `AllowanceSpent` if the allowance is spent and `calls` do not wait; they have nothing to send yet."""
        with self._moved:
            now = self._clock.monotonic()
            if (opens_at := self._limiter.room_at(now)) is not None and opens_at > now:
                self._refuse_wait(calls, opens_at, now)

    def wait_for_list(self, stop: threading.Event, seconds: float, request: str) -> None:
        """Wait until one list may be requested again, though calls are left; logged and lifted as any wait.

        Raises:
            StopRequested: the stop event is set.
        """
        began, ends_at = self._clock.now(), self._clock.monotonic() + seconds
        until = began + timedelta(seconds=seconds)
        log.info(Event.ALLOWANCE_WAITING, seconds=round(seconds, 1), until=until, error=request)
        self._on_wait(seconds)
        nap = _LOOK_EVERY_SECONDS if self._lifted_at is not None else seconds
        while (left := ends_at - self._clock.monotonic()) > 0:
            if self._clock.wait(stop, min(nap, left)):
                raise StopRequested("asked to stop while waiting to try a request again")
            lifted_at = self._lifted_at() if self._lifted_at is not None else None
            if lifted_at is not None and lifted_at > began:
                log.info(Event.ALLOWANCE_LIFTED)
                self._on_wait(0.0)
                return

    @property
    def allowance(self) -> Allowance:
        """The state of the allowance now."""
        with self._moved:
            now = self._clock.monotonic()
            report, window = self._limiter.last_reported or (None, None)
            seconds = max(0.0, (self._limiter.room_at(now) or now) - now)
            return Allowance(
                limit=window.limit if window else None,
                remaining=report.remaining if report else None,
                acquired=self._acquired,
                throttled=self._throttled,
                waiting_seconds=seconds,
                blocked_until=self._clock.now() + timedelta(seconds=seconds) if seconds > 0 else None,
                windows=self._stored_allowance(now),
            )

    def _wait_for_room(self, position: QueuePosition, stop: threading.Event, calls: Calls) -> None:
        while not stop.is_set():
            now = self._clock.monotonic()
            # Others may have come to wait for what these calls read.
            position.priority = calls.priority
            opens_at = self._limiter.opens_at(position, now)
            if opens_at is None:
                self._moved.wait()
            elif opens_at <= now:
                return
            else:
                self._refuse_wait(calls, opens_at, now)
                self._sleep(stop, now, opens_at)
        raise StopRequested("asked to stop before the next request")

    def _refuse_wait(self, calls: Calls, opens_at: float, now: float) -> None:
        if not calls.waits and (now < self._refused_until or opens_at - now > SPIKE_SECONDS):
            raise AllowanceSpent(
                f"Procore's allowance is spent until {self._instant(opens_at, now):%Y-%m-%dT%H:%M:%SZ}, "
                f"{opens_at - now:.0f} s from now; what is read is kept, the same command goes on"
            )

    def _sleep(self, stop: threading.Event, now: float, opens_at: float) -> None:
        """Wait without the lock; a call held up only by a reserve looks every second, as nothing wakes it."""
        room_at = self._limiter.room_at(now)
        nap = _NAP_SECONDS if room_at is not None and room_at <= now else opens_at - now
        is_news = opens_at - now >= _SHORTEST_SHOWN_SECONDS and opens_at > self._announced_until + _NAP_SECONDS
        self._announced_until = opens_at if is_news else self._announced_until
        is_spent = now < self._limiter.blocked_until or opens_at - now > SPIKE_SECONDS
        until, reported = self._instant(opens_at, now), self._limiter.last_reported
        is_liftable = self._lifted_at is not None and opens_at - now > SPIKE_SECONDS
        nap = min(nap, _LOOK_EVERY_SECONDS) if is_liftable else nap
        lifted_at: datetime | None = None
        self._moved.release()
        try:
            if is_news and is_spent:
                remaining = reported[0].remaining if reported else None
                log.info(
                    Event.ALLOWANCE_WAITING, seconds=round(opens_at - now, 1), until=until, rate_remaining=remaining
                )
            if is_news:
                self._on_wait(opens_at - now)
            self._clock.wait(stop, min(nap, opens_at - now))
            if is_liftable and self._lifted_at is not None:
                lifted_at = self._lifted_at()
        finally:
            self._moved.acquire()
        if lifted_at is not None and lifted_at > self._blocked_at:
            self._lift(lifted_at)

    def _lift(self, at: datetime) -> None:
        """Let calls go again, until the next refusal."""
        log.info(Event.ALLOWANCE_LIFTED)
        self._limiter.lift()
        self._refused_until = self._announced_until = 0.0
        self._blocked_at = at
        self._moved.notify_all()

    def _stored_allowance(self, now: float) -> StoredAllowance:
        spent: Counter[datetime] = Counter()
        for moment, calls in self._limiter.hour.spent():
            if moment > now - self._limiter.hour.seconds:
                spent[self._instant(moment, now).replace(second=0, microsecond=0)] += calls
        windows = [self._stored(HOUR, self._limiter.hour, now), self._stored(SPIKE, self._limiter.spike, now)]
        return StoredAllowance(windows, spent)

    def _stored(self, period: str, window: RateWindow, now: float) -> StoredWindow:
        opens_at = window.opens_at(now, 0) or now
        reported = self._limiter.last_reported
        if (reported[1] if reported else self._limiter.hour) is window:
            opens_at = max(opens_at, self._limiter.blocked_until)
        return StoredWindow(
            period=period,
            seconds=int(window.seconds),
            limit=window.limit,
            granted=window.granted,
            used=window.used(now),
            remaining=window.last_report.remaining if window.last_report else None,
            resets_at=self._instant(window.last_report.resets_at, now) if window.last_report else None,
            waits_until=self._instant(opens_at, now) + timedelta(seconds=1) if opens_at > now else None,
            seen_at=self._clock.now(),
        )

    def _restore(self, known: StoredAllowance) -> None:
        now, today = self._clock.monotonic(), self._clock.now()
        for period, window in ((HOUR, self._limiter.hour), (SPIKE, self._limiter.spike)):
            stored = known.window(period)
            window.limit = stored.limit if stored else None
        for minute, calls in sorted(known.spent.items()):
            # As the last moment of its minute, so that it leaves the window too late rather than too early.
            ago = max(0.0, (today - minute - _MINUTE).total_seconds()) + 0.001
            self._limiter.hour.send(now - ago, calls)
            self._limiter.hour.end(now - ago, calls)
        waits_until = known.waits_until(today)
        if waits_until is not None:
            self._limiter.throttle((waits_until - today).total_seconds(), now)
            self._limiter.accepted()

    def _instant(self, moment: float, now: float) -> datetime:
        """Return the instant of a moment of the monotonic clock."""
        return self._clock.now() + timedelta(seconds=moment - now)
