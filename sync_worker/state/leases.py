"""Leases: one run at a time reads a (stream, scope), so that no two runs compare rows that the other is writing.

Runs that want the same list wait in line, oldest first. A lease has no end of its own: one process holds the database,
its runs release what they took, and the next process closes the runs that a killed one left open.
"""

from __future__ import annotations

from sync_worker.state.executor import Executor
from sync_worker.state.ledger import ScopeKey
from sync_worker.state.rows import execute, fetch_value


def take_lease(executor: Executor, key: ScopeKey) -> bool:
    """Take the lease of a (stream, scope), or a place in line for it; return True if this run has it now."""
    execute(executor, "queue_for_lease", **key.parameters())
    return fetch_value(executor, str, "lease_holder", **key.parameters()) == key.run_id


def release_lease(executor: Executor, key: ScopeKey) -> None:
    """Release a lease, or the place in line for it."""
    execute(executor, "release_lease", **key.parameters())
