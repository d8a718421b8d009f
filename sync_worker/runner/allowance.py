"""Keeps what is known of the allowance in the database, in transactions that are written anyway."""

from __future__ import annotations

from sync_worker.client.rate_limit import RateLimit
from sync_worker.clock import Clock
from sync_worker.state.allowance import write_allowance
from sync_worker.state.executor import Executor

EVERY_SECONDS = 2.0


class AllowanceKeeper:
    """Rides in transactions of others, every two seconds at most; a killed process forgets no more than that."""

    def __init__(self, budget: RateLimit, clock: Clock) -> None:
        self._budget = budget
        self._clock = clock
        self._due_at = clock.monotonic()
        self._acquired = 0
        self._kept = 0

    @property
    def is_pending(self) -> bool:
        """True if calls were let through that are not written yet."""
        return self._budget.allowance.acquired != self._kept

    def write(self, transaction: Executor) -> None:
        """Write it if that is due."""
        if self._clock.monotonic() >= self._due_at:
            self.keep(transaction)

    def keep(self, transaction: Executor) -> None:
        """Write it now."""
        self._due_at = self._clock.monotonic() + EVERY_SECONDS
        known = self._budget.allowance
        self._acquired = known.acquired
        write_allowance(transaction, known.windows)

    def on_commit(self) -> None:
        """Note that what was written last is committed."""
        self._kept = self._acquired
