"""A stream and what is nested in it, read one after the other in one scope."""

from __future__ import annotations

from sync_worker.access.cache import AccessCache, Block
from sync_worker.errors import StopRequested
from sync_worker.model import Verdict
from sync_worker.planning.partitions import Chain, Partition
from sync_worker.runner.backfill import Backfilling
from sync_worker.runner.context import RunContext
from sync_worker.runner.sync import Reading
from sync_worker.runner.unread_partitions import record_unread
from sync_worker.services import Services
from sync_worker.state.skipped import SkipReason

UNREAD = (Verdict.FAILED, Verdict.NOT_PERMITTED)


def read_chain(services: Services, run: RunContext, permissions: AccessCache, chain: Chain) -> None:
    """Read a chain; a nested stream is only as good as the list of its parents."""
    verdicts: dict[str, Verdict] = {}
    for partition in chain:
        if services.stop.is_set():
            raise StopRequested("asked to stop between two streams")
        parent = partition.spec.parent.stream if partition.spec.parent else ""
        # A parent that is not due was complete.
        above = verdicts.get(parent, Verdict.COMPLETE) if parent else Verdict.COMPLETE
        bar = _without_parents(parent) if above in UNREAD else permissions.bar(partition)
        if (reason := run.unstorable.get(partition.spec.name)) is not None:
            verdict = Verdict.FAILED
            record_unread(services, run, [partition], verdict, reason)
        elif bar is None:
            doubt = None if above is Verdict.COMPLETE else f"the list of its parents, {parent}, is inexact"
            verdict = _read(services, run, permissions, partition, doubt)
        else:
            verdict = above if above in UNREAD else Verdict.NOT_PERMITTED
            record_unread(services, run, [partition], verdict, bar.told)
            if verdict is Verdict.NOT_PERMITTED:
                run.skip(partition.spec.name, bar.reason)
        verdicts[partition.spec.name] = verdict
        services.progress.finished(partition.spec.name)


def _without_parents(parent: str) -> Block:
    return Block(SkipReason.NOT_PERMITTED, f"the list of its parents, {parent}, could not be read")


def _read(
    services: Services, run: RunContext, permissions: AccessCache, partition: Partition, doubt: str | None
) -> Verdict:
    reading = _reading(services, run, partition, doubt)
    swept = reading.run()
    for reason, calls in reading.skipped.items():
        run.skip(partition.spec.name, reason, calls)
    permissions.record_result(partition, swept.verdict, swept.refusal)
    return swept.verdict


def _reading(services: Services, run: RunContext, partition: Partition, doubt: str | None) -> Reading:
    if run.period is not None:
        return Backfilling(services, run, partition, run.period, doubt)
    return Reading(services, run, partition, doubt)
