"""One partition over an explicit past period, part by part; what is proven is not read again, and no mark moves."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from itertools import count

from sync_worker.destination.protocol import Transaction
from sync_worker.load.proof import Evidence, Proof
from sync_worker.logs import Event, get_logger
from sync_worker.model import Verdict
from sync_worker.planning.partitions import Partition
from sync_worker.planning.read_plan import ReadPlan, plan_backfill
from sync_worker.planning.windows import Part, Period
from sync_worker.runner.context import RunContext
from sync_worker.runner.sync import PartitionResult, Reading
from sync_worker.services import Services
from sync_worker.state.backfills import record_backfilled_part

log = get_logger()


class Backfilling(Reading):
    """A partition of a backfill: one line in the ledger, however many parts."""

    def __init__(
        self, services: Services, run: RunContext, partition: Partition, period: Period, doubt: str | None = None
    ) -> None:
        self._period = period
        super().__init__(services, run, partition, doubt)

    def _ask(self, run: RunContext) -> ReadPlan:
        with self._services.destination.reader() as view:
            asked, self._left = plan_backfill(view, self._partition, self._services.streams, self._period, run.bound)
        return asked

    def _sweep_until_proven(self) -> PartitionResult:
        found = Proof(Verdict.COMPLETE)
        totals: list[int | None] = []
        for part in self._left:
            proof, evidence = self._sweep_part(part)
            found = proof if found.verdict is Verdict.COMPLETE else found
            totals.append(evidence.total)
        known = [total for total in totals if total is not None]
        total = sum(known) if totals and len(known) == len(totals) else None
        self._sweep.close(found, total, requests=self._calls.spent)
        self._tell(found)
        return PartitionResult(found.verdict)

    def _sweep_part(self, part: Part) -> tuple[Proof, Evidence]:
        self._asked = self._asked._replace(window=part.window, dates=part.dates)
        self._dates = [part.dates]
        for number in count(1):
            evidence, last = self._read_lists(), self._is_last(number)
            proof = self._sweep.settle_part(evidence, last=last, also=partial(self._remember_part, part))
            if last or proof.verdict is not Verdict.INEXACT:
                return proof, evidence
            log.info(Event.SWEEP_REPEATED, error=proof.reason)
        raise AssertionError("counting never ends")

    def _remember_part(self, part: Part, transaction: Transaction, _mark: datetime | None) -> None:
        request = self._period.request
        record_backfilled_part(transaction, request, self._spec.name, self._scope, part.name, self._run_id)
