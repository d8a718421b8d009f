from __future__ import annotations

import threading
from collections import Counter

from support.worker import Install
from sync_worker.app import open_worker
from sync_worker.model import RunRequest


class Listener:
    """Remembers what it heard."""

    def __init__(self) -> None:
        self.partitions = 0
        self.records = 0
        self.waits: list[float] = []
        self.streams: Counter[str] = Counter()

    def planned(self, partitions: int) -> None:
        self.partitions = partitions

    def page_taken(self, records: int) -> None:
        self.records += records

    def finished(self, stream: str) -> None:
        self.streams[stream] += 1

    def waiting(self, seconds: float) -> None:
        self.waits.append(seconds)


def test_a_run_tells_how_much_there_is_and_when_each_part_of_it_has_ended(install: Install) -> None:
    here = install(projects=2)
    here.simulator.permissions.forbid("Construction Financials/Budget", here.simulator.world.project_ids[0])
    heard = Listener()

    with open_worker(
        here.settings(), stop=threading.Event(), on_new_secret=lambda _: None, clock=here.clock, progress=heard
    ) as worker:
        report = worker.run(RunRequest("by_hand", ["rfis", "budget_view_detail_rows"]))

    assert heard.partitions == 6
    assert heard.streams == {"rfis": 2, "budget_views": 2, "budget_view_detail_rows": 2}
    assert heard.records == report.totals.rows.seen
