"""Keeps what is known of the allowance in the database, beside what is written anyway."""

from __future__ import annotations

from sync_worker.client.budget import Budget
from sync_worker.clock import Clock
from sync_worker.state.allowance import write_allowance
from sync_worker.state.executor import Executor

EVERY_SECONDS = 2.0


class AllowanceKeeper:
    """Writes it into transactions of others, every two seconds at most; a killed process forgets no more than that."""

    def __init__(self, budget: Budget, clock: Clock) -> None:
        self._budget = budget
        self._clock = clock
        self._due_at = clock.monotonic()

    def __call__(self, transaction: Executor) -> None:
        """Write it if that is due."""
        if self._clock.monotonic() >= self._due_at:
            self.keep(transaction)

    def keep(self, transaction: Executor) -> None:
        """Write it now."""
        self._due_at = self._clock.monotonic() + EVERY_SECONDS
        write_allowance(transaction, self._budget.allowance.windows)
