"""One partition over an explicit past period, part by part; what is proven is not read again, and no mark moves."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from itertools import count

from sync_worker.destination.protocol import Transaction
from sync_worker.load.proof import Evidence, Proof
from sync_worker.logs import Event, get_logger
from sync_worker.model import Verdict, Window
from sync_worker.planning.asked import Asked, live_parents
from sync_worker.planning.partitions import Partition
from sync_worker.planning.windows import Part, backfill_parts, window_of
from sync_worker.runner.frame import Parts, Period, RunFrame
from sync_worker.runner.sync import Reading, Swept
from sync_worker.state.backfills import backfilled_parts, record_backfilled_part
from sync_worker.state.rereads import Reach

log = get_logger()


class Backfilling(Reading):
    """A partition of a backfill: one line in the ledger, however many parts."""

    def __init__(
        self, parts: Parts, frame: RunFrame, partition: Partition, period: Period, doubt: str | None = None
    ) -> None:
        self._period = period
        super().__init__(parts, frame, partition, doubt)

    def _ask(self, frame: RunFrame) -> Asked:
        self._left = backfill_parts(self._spec, self._period.days, frame.bound)
        with self._parts.destination.reader() as view:
            done = backfilled_parts(view, self._period.request, self._spec.name, self._scope)
            parents = self._parents(view)
        is_whole = self._left[0].window.start is None
        self._left = [part for part in self._left if part.name not in done]
        window = Window(None, frame.bound) if is_whole else window_of(self._period.days)
        return Asked(window, Reach.EVERYTHING, parents=parents)

    def _parents(self, view: Transaction) -> Mapping[int | str, str] | None:
        parent = self._spec.parent
        return None if parent is None else live_parents(view, parent, self._parts.streams[parent.stream], self._scope)

    def _sweep_until_proven(self) -> Swept:
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
        return Swept(found.verdict)

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
