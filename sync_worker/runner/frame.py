"""What all of a run shares: the parts it works with, and what it knows of itself."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from sync_worker.catalog.spec import StreamSpec
from sync_worker.client.procore import Procore
from sync_worker.clock import Clock
from sync_worker.destination.protocol import Destination
from sync_worker.errors import SyncWorkerError
from sync_worker.load.loader import Loader
from sync_worker.model import Priority
from sync_worker.planning.asked import Terms
from sync_worker.planning.options import StreamOptions
from sync_worker.planning.thrift import ALL, Thrift
from sync_worker.planning.windows import Now, Period
from sync_worker.runner.clocks import Clocks
from sync_worker.runner.progress import Progress, Unheard
from sync_worker.state.avoided import Because


@dataclass(frozen=True, slots=True)
class Parts:
    """What a run works with, put together by `app`; `account_company_id` goes with calls that have no company."""

    procore: Procore
    loader: Loader
    destination: Destination
    clock: Clock
    stop: threading.Event
    account_company_id: int
    max_concurrency: int
    streams: Mapping[str, StreamSpec]
    options: Callable[[str], StreamOptions]
    progress: Progress = field(default_factory=Unheard)
    thrift: Thrift = ALL


@dataclass(slots=True)
class RunFrame:
    """What all partitions of a run share.

    `by_hand` runs read what is not due too; one that does not move marks leaves no trace but rows and ledger; `period`
    is what a backfill reads. Its calls have a `priority`, and where it does not wait for the allowance it ends.
    `first_on` is the first day of each project's daily logs, `failure` what ended the run before everything was tried;
    `page_sizes` are the largest pages that lists are known to give, `avoided` counts the calls not made; `unstorable`
    are the streams that the database has no table for, and why.
    """

    run_id: str
    everything: bool
    clocks: Clocks
    by_hand: bool = True
    moves_marks: bool = True
    priority: Priority = Priority.BY_HAND
    waits: bool = True
    period: Period | None = None
    first_on: Mapping[int, date] = field(default_factory=dict)
    failure: SyncWorkerError | None = None
    page_sizes: dict[str, int] = field(default_factory=dict)
    avoided: Counter[tuple[str, Because]] = field(default_factory=Counter)
    unstorable: Mapping[str, str] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def avoid(self, stream: str, because: Because, calls: int = 1) -> None:
        """Count calls that are not made; safe to use from several threads."""
        if calls:
            with self.lock:
                self.avoided[stream, because] += calls

    @property
    def now(self) -> Now:
        """When the run began, by both clocks."""
        return self.clocks.now

    @property
    def bound(self) -> datetime:
        """Where the run's windows end."""
        return self.now.later

    @property
    def terms(self) -> Terms:
        """What holds for all that the run asks."""
        return Terms(self.now, self.everything, self.by_hand, self.first_on)
