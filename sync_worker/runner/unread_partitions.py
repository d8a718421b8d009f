"""Partitions that are not read: each has its line in the ledger all the same."""

from __future__ import annotations

from collections.abc import Sequence

from sync_worker.destination.protocol import Transaction
from sync_worker.logs import redactor
from sync_worker.model import Verdict, Window
from sync_worker.planning.partitions import Partition
from sync_worker.runner.context import RunContext
from sync_worker.services import Services
from sync_worker.state.ledger import ScopeKey, close_scope, open_scope


def record_unread(
    services: Services, run: RunContext, partitions: Sequence[Partition], verdict: Verdict | None, reason: str
) -> None:
    """Give their verdict to partitions without asking for them."""
    now = services.clock.now()
    reason = redactor.text(reason)

    def write(transaction: Transaction) -> None:
        for spec, scope in partitions:
            key = ScopeKey(run.run_id, spec.name, scope)
            open_scope(transaction, key, Window(None, run.bound), now)
            close_scope(transaction, key, verdict, total=None, requests=0, error=reason, finished_at=now)

    services.writer.do(write)
