"""Bounds the memory that bodies take together: one large one at a time, besides small ones.

Used by transport while it reads and by procore until the records of a page are taken.
"""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Self

from sync_worker.errors import RetryableError

LARGE_BYTES = 8 * 1024**2
"""The largest body that may be in memory beside any number of others; pages of 1,000 records are mostly smaller."""


class Bodies:
    """The one place in memory for a large body."""

    def __init__(self) -> None:
        self.place = threading.Semaphore(1)


class Lease:
    """Leave to hold one body, however large. Close it before waiting for anything that another body may hold up."""

    def __init__(self, bodies: Bodies) -> None:
        self._bodies = bodies
        self.is_large = False

    def grow(self, size_bytes: int, seconds: float) -> None:
        """Let the body grow to this size, as soon as no other large one is held; raise `RetryableError` if that lasts.

        It says nothing about this body: asking for a smaller page would not help.
        """
        if self.is_large or size_bytes <= LARGE_BYTES:
            return
        if not self._bodies.place.acquire(timeout=max(0.0, seconds)):
            raise RetryableError("another large body is still being taken")
        self.is_large = True

    def close(self) -> None:
        """Make room for the next; the lease may be used again."""
        if self.is_large:
            self.is_large = False
            self._bodies.place.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
