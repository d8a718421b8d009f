"""One partition over an explicit past period, part by part; a proven part is not read again, and no mark moves."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from sync_worker.destination.protocol import Transaction
from sync_worker.load.proof import Evidence, Proof
from sync_worker.load.sweep import OnProven
from sync_worker.logs import Event, get_logger
from sync_worker.model import Verdict
from sync_worker.planning.partitions import Partition
from sync_worker.planning.windows import Part, Period
from sync_worker.runner.context import RunContext
from sync_worker.runner.lists import ListReader
from sync_worker.runner.sync import SWEEPS_AT_MOST, PartitionResult, log_finished, opened_lists
from sync_worker.state.backfills import record_backfilled_part

log = get_logger()


def backfill_partition(
    run: RunContext, partition: Partition, period: Period, doubt: str | None = None
) -> PartitionResult:
    """Read the parts of the period that are not proven yet: one line in the ledger, however many parts.

    Raises as `sync_partition` does.
    """
    with opened_lists(run, partition, doubt) as line:
        lists = line.lists
        worst = Proof(Verdict.COMPLETE)
        totals: list[int | None] = []
        for part in lists.plan.parts:
            proof, evidence = _read_part(lists, part, partial(_record_part, run, partition, period, part))
            worst = proof if worst.verdict is Verdict.COMPLETE else worst
            totals.append(evidence.total)
        known = [total for total in totals if total is not None]
        total = sum(known) if totals and len(known) == len(totals) else None
        lists.sweep.close(worst, total, requests=lists.calls.spent)
        line.result = PartitionResult(worst.verdict)
        log_finished(lists, worst)
    run.skip_parents(partition.spec.name, lists.plan)
    return line.result


def _read_part(lists: ListReader, part: Part, record: OnProven) -> tuple[Proof, Evidence]:
    lists.take_lease()
    for number in range(1, SWEEPS_AT_MOST + 1):
        evidence = lists.read_part(part)
        is_last = number == SWEEPS_AT_MOST or not lists.can_be_proven
        proof = lists.sweep.settle_part(evidence, last=is_last, on_proven=record)
        if is_last or proof.verdict is not Verdict.INEXACT:
            return proof, evidence
        log.info(Event.SCOPE_RETRIED, error=proof.reason)
    raise AssertionError("the last sweep returns")


def _record_part(
    run: RunContext, partition: Partition, period: Period, part: Part, transaction: Transaction, _: datetime | None
) -> None:
    spec, scope = partition
    record_backfilled_part(transaction, period.request, spec.name, scope, part.name, run.run_id)
