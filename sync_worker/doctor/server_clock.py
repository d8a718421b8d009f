"""Server time and remaining allowance, from the headers of answers."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import NamedTuple

from sync_worker.client.headers import count
from sync_worker.client.transport import Reply
from sync_worker.clock import Clock


class Left(NamedTuple):
    """The window of the allowance that is nearer to its end."""

    limit: int
    remaining: int


class ServerClock:
    """Headers of the answers so far; a listener of the transport."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._ahead: timedelta | None = None
        self._left: Left | None = None

    def __call__(self, reply: Reply) -> None:
        """Record the headers of an answer."""
        limit, remaining = (count(reply.headers, f"X-Rate-Limit-{name}") for name in ("Limit", "Remaining"))
        with self._lock:
            if reply.server_time is not None and self._ahead is None:
                sent = self._clock.now() - timedelta(seconds=reply.elapsed_seconds / 2)
                # `Date` has whole seconds.
                self._ahead = sent - reply.server_time - timedelta(seconds=0.5)
            if limit is not None and remaining is not None:
                self._left = Left(limit, remaining)

    @property
    def ahead(self) -> timedelta | None:
        """The time by which our clock is ahead of the server's; None before the first answer."""
        return self._ahead

    @property
    def left(self) -> Left | None:
        """The allowance in the last answer that showed it."""
        return self._left
