"""The state that all partitions of a run share."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime

from sync_worker.catalog.spec import StreamSpec
from sync_worker.destination.protocol import Transaction
from sync_worker.errors import SyncWorkerError
from sync_worker.logs import redactor
from sync_worker.model import Calls, Priority, RunRequest, Verdict, Window
from sync_worker.planning.partitions import Partition
from sync_worker.planning.projects import ProjectChoice
from sync_worker.planning.read_plan import ReadPlan, ReadPlanner
from sync_worker.planning.windows import Now, Period
from sync_worker.runner.clocks import Clocks
from sync_worker.services import Services
from sync_worker.state.ledger import ScopeKey, close_scope, open_scope
from sync_worker.state.skipped import SkipReason

_PRIORITIES = {"manual": Priority.MANUAL, "backfill": Priority.BACKFILL}


@dataclass(slots=True)
class RunContext:
    """A request with what the configuration adds to it, and what its run learns on the way."""

    services: Services
    request: RunRequest
    specs: Sequence[StreamSpec]
    """The requested streams with their parents, in catalog order."""
    company_ids: Sequence[int]
    choice: ProjectChoice
    clocks: Clocks
    start_date: date | None = None
    """The first day of daily logs, where the user sets one."""
    unstorable: Mapping[str, str] = field(default_factory=dict)
    """Streams that the database can hold no table for, and why."""

    period: Period | None = None
    """The days of a backfill."""
    log_starts: Mapping[int, date] = field(default_factory=dict)
    """The first day of each project's daily logs."""
    failure: SyncWorkerError | None = None
    """What ended the run before every partition was tried."""
    is_ending: bool = False
    """True once a failure ends it: what its threads have begun is finished, and nothing is waited for any more."""
    page_sizes: dict[str, int] = field(default_factory=dict)
    """The largest pages that lists are known to give, by stream."""
    skipped: Counter[tuple[str, SkipReason]] = field(default_factory=Counter)
    """Requests that were not made, by stream and reason."""
    seen_sets: dict[ScopeKey, int] = field(default_factory=dict)
    """The numbers of the sets of keys that its sweeps under way have seen; the writer's thread changes them."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def skip(self, stream: str, reason: SkipReason, requests: int = 1) -> None:
        """Count requests that are not made; safe to use from several threads."""
        if requests:
            with self._lock:
                self.skipped[stream, reason] += requests

    def skip_parents(self, stream: str, plan: ReadPlan) -> None:
        """Count the lists of parents that a plan leaves out."""
        self.skip(stream, SkipReason.UNCHANGED_PARENT, plan.unchanged_parents)
        self.skip(stream, SkipReason.NOT_PERMITTED, len(plan.refused_parents))

    @contextmanager
    def reading(self, partition: Partition) -> Iterator[Calls]:
        """Count as a reader of a partition, or as one that waits for it, and yield the calls that it spends.

        After that its lease is void, even if the database could not be told.
        """
        key, readers = self.key(partition), self.services.readers
        readers[key] = Calls(priority=self.priority, waits=self.request.wait_for_rate_limit)
        try:
            yield readers[key]
        finally:
            del readers[key]

    def record_unread(self, partitions: Sequence[Partition], verdict: Verdict | None, reason: str) -> None:
        """Give partitions that are not read their line in the ledger."""
        self.services.writer.do(self._write_unread, partitions, verdict, redactor.text(reason))

    def _write_unread(
        self, transaction: Transaction, partitions: Sequence[Partition], verdict: Verdict | None, reason: str
    ) -> None:
        now = self.services.clock.now()
        # All in one transaction: an early end may leave thousands of them.
        for partition in partitions:
            key = self.key(partition)
            open_scope(transaction, key, Window(None, self.bound), now)
            close_scope(transaction, key, verdict, total=None, requests=0, error=reason, finished_at=now)

    def key(self, partition: Partition) -> ScopeKey:
        """Return the name of a partition's line in the ledger."""
        return ScopeKey(self.run_id, partition.spec.name, partition.scope)

    @property
    def run_id(self) -> str:
        """The id of the run in the ledger."""
        return self.request.run_id

    @property
    def advances_checkpoint(self) -> bool:
        """False for a backfill, which leaves nothing but rows, its progress and its lines in the ledger."""
        return not self.request.is_backfill

    @property
    def priority(self) -> Priority:
        """The place of its requests in the queue for the rate limit."""
        return _PRIORITIES.get(self.request.trigger, Priority.SCHEDULED)

    @property
    def backfill_key(self) -> str:
        """The name of a backfill's progress: a request in the same words goes on where it was left."""
        request = self.request
        # By the names of streams and not by the words of the request: `tag:daily_logs` may mean more of them one day.
        parts = {
            "since": request.since and request.since.isoformat(),
            "until": request.until and request.until.isoformat(),
            "streams": sorted(spec.name for spec in self.specs),
            "projects": sorted(self.choice.requested),
        }
        return json.dumps(parts)

    @property
    def now(self) -> Now:
        """The start of the run, by both clocks."""
        return self.clocks.now

    @property
    def bound(self) -> datetime:
        """The end of the run's windows."""
        return self.now.later

    def plan(self, view: Transaction, partition: Partition) -> ReadPlan:
        """Return what to read of a partition now: for a backfill its period, otherwise what is due."""
        if self.period is not None:
            return self.planner(view).plan_backfill(partition, self.period)
        return self.planner(view).plan_partition(partition)

    def planner(self, view: Transaction) -> ReadPlanner:
        """Return a planner of this run's sweeps that reads from `view`."""
        services = self.services
        return ReadPlanner(view, services.streams, services.options, self.request, self.now, self.log_starts)
