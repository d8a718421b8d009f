"""Removes old runs and counts from the ledger; the last verdict of every (stream, scope) stays whatever its age."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from sync_worker.state.calls import prune_calls
from sync_worker.state.executor import Executor, Parameter
from sync_worker.state.queries import queries
from sync_worker.state.rows import execute

CALLS_AT_LEAST = timedelta(days=15)
"""Procore grades an app on its calls of 14 days; the day of the server may be another than ours."""
_RUNS_A_TRANSACTION = 500


class Retention(NamedTuple):
    """The age up to which runs are kept, and up to which the lines of their scopes and the counts of calls are."""

    runs: timedelta
    scopes: timedelta


class _Database(Protocol):
    """The part of a destination that `prune` uses."""

    def reader(self) -> AbstractContextManager[Executor]:
        """Open a read-only view of what is committed."""
        ...

    def transaction(self) -> AbstractContextManager[Executor]:
        """Open a writing transaction."""
        ...


def prune(ledger: _Database, retention: Retention, now: datetime, stop: threading.Event) -> int:
    """Remove what is older, in short transactions, until `stop` is set; return the number of runs removed."""
    with ledger.reader() as view:
        found = view.execute(queries()["runs_with_old_scopes"], {"before": now - retention.scopes})
    for (run_id,) in found:
        if stop.is_set():
            return 0
        with ledger.transaction() as transaction:
            execute(transaction, "prune_scopes", run_id=run_id)
    with ledger.transaction() as transaction:
        execute(transaction, "prune_requests")
        prune_calls(transaction, (now - max(retention.scopes, CALLS_AT_LEAST)).date())
    old: dict[str, Parameter] = {"before": now - retention.runs, "now": now, "most": _RUNS_A_TRANSACTION}
    pruned = 0
    while not stop.is_set():
        with ledger.transaction() as transaction:
            gone = [{"run_id": run_id} for (run_id,) in transaction.execute(queries()["old_runs"], old)]
            for name in ("prune_details", "prune_skipped", "prune_set_aside", "prune_run"):
                transaction.execute_many(queries()[name], gone)
        pruned += len(gone)
        if len(gone) < _RUNS_A_TRANSACTION:
            break
    return pruned
