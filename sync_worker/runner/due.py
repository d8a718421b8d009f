"""What a schedule reads less often than it ticks; what is left out is counted, and gets no line in the ledger.

The ledger tells of sweeps; when something left out was complete is said by its checkpoint.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta

from sync_worker.catalog.spec import SyncMode
from sync_worker.destination.protocol import Transaction
from sync_worker.planning.partitions import Chain, Partition
from sync_worker.planning.windows import INACTIVE_EVERY, is_due
from sync_worker.runner.context import RunContext
from sync_worker.state.checkpoints import read_checkpoint
from sync_worker.state.skipped import SkipReason


def due(run: RunContext, chains: Sequence[Chain], inactive: Collection[int]) -> list[Chain]:
    """What is read now: all of it when someone asks by hand, else what its own clock says.

    Lists that can only be read whole have a slower clock, and so has all of the projects that are `inactive`.
    """
    if run.reads_all:
        return list(chains)
    with run.services.destination.reader() as view:
        found = (tuple(part for part in chain if _is_due(run, view, part, inactive)) for chain in chains)
        return [chain for chain in found if chain]


def _is_due(run: RunContext, view: Transaction, partition: Partition, inactive: Collection[int]) -> bool:
    spec, scope = partition
    every, reason = timedelta(0), SkipReason.NOT_DUE
    if spec.mode is SyncMode.FULL_REFRESH and spec.parent is None:
        every = run.services.options(spec.name).full_refresh_every
    if scope.project_id in inactive and every < INACTIVE_EVERY:
        every, reason = INACTIVE_EVERY, SkipReason.INACTIVE_PROJECT
    if not every:
        return True
    checkpoint = read_checkpoint(view, spec.name, scope)
    if is_due(checkpoint and checkpoint.mark, run.now, every):
        return True
    run.skip(spec.name, reason)
    return False
