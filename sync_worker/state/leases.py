"""Leases: one run at a time reads a (stream, scope), so that no two runs compare rows that the other is writing.

Runs that want the same list wait in line, oldest first. A lease has no end by the clock: one process holds the database
and knows who reads in it. What else stands in line, left there by a killed process or restored with a backup, is void.
"""

from __future__ import annotations

from collections.abc import Mapping

from sync_worker.model import Calls
from sync_worker.state.executor import Executor
from sync_worker.state.ledger import ScopeKey
from sync_worker.state.queries import queries
from sync_worker.state.rows import execute

Readers = Mapping[ScopeKey, Calls]
"""The lists that the runs of this process read or wait for, with the calls that each spends there."""


def take_lease(executor: Executor, key: ScopeKey, readers: Readers) -> bool:
    """Take the lease of a (stream, scope), or a place in line for it; return True if this run has it now.

    The run that has it gets the priority of this one if that is better, so that a backfill whose share of the allowance
    is spent holds up no schedule.
    """
    execute(executor, "queue_for_lease", **key.parameters())
    for (run_id,) in executor.execute(queries()["lease_line"], key.parameters()):
        if run_id == key.run_id:
            break
        holder = key._replace(run_id=run_id)
        calls = readers.get(holder)
        if calls is not None:
            calls.priority = min(calls.priority, readers[key].priority)
            return False
        release_lease(executor, holder)
    return True


def release_lease(executor: Executor, key: ScopeKey) -> None:
    """Release a lease, or the place in line for it."""
    execute(executor, "release_lease", **key.parameters())
