"""Any order of taking, giving back and dying: one reader a list, oldest first, and no wait for the dead."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from support.ledgers import sqlite_ledger
from sync_worker.model import Calls, Priority, Scope
from sync_worker.state.leases import release_lease, take_lease
from sync_worker.state.ledger import ScopeKey

RUNS = {"manual": Priority.MANUAL, "schedule": Priority.SCHEDULED, "backfill": Priority.BACKFILL}
runs = st.sampled_from(sorted(RUNS))
streams = st.sampled_from(["rfis", "submittals"])


class Lines(RuleBasedStateMachine):
    """Runs in line for lists, and beside it a model: a Python list of who stands there."""

    def __init__(self) -> None:
        super().__init__()
        self._stack = ExitStack()
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        self.ledger = self._stack.enter_context(sqlite_ledger(folder))
        self.dead: set[ScopeKey] = set()
        self.readers: dict[ScopeKey, Calls] = {}
        self.lines: dict[str, list[ScopeKey]] = {"rfis": [], "submittals": []}

    @rule(run=runs, stream=streams)
    def ask(self, run: str, stream: str) -> None:
        key, line = ScopeKey(run, stream, Scope(4, 70)), self.lines[stream]
        if key in self.dead:
            return
        self.readers.setdefault(key, Calls(priority=RUNS[run]))
        line += [key] * (key not in line)
        alive = [it for it in line if it in self.readers]
        with self.ledger.transaction() as transaction:
            assert take_lease(transaction, key, self.readers) is (alive[0] == key)
        assert self.readers[alive[0]].priority <= RUNS[run]

    @rule(run=runs, stream=streams)
    def give_back(self, run: str, stream: str) -> None:
        key = ScopeKey(run, stream, Scope(4, 70))
        if self.readers.pop(key, None):
            self.lines[stream].remove(key)
            with self.ledger.transaction() as transaction:
                release_lease(transaction, key)

    @rule(run=runs, stream=streams)
    def die(self, run: str, stream: str) -> None:
        """End a thread that can write nothing any more; its run does not come back to the list."""
        key = ScopeKey(run, stream, Scope(4, 70))
        if self.readers.pop(key, None):
            self.dead.add(key)

    @invariant()
    def places_stay(self) -> None:
        with self.ledger.reader() as view:
            rows = view.execute("SELECT stream, run_id FROM _leases ORDER BY seq")
        for stream, line in self.lines.items():
            here = [run_id for found, run_id in rows if found == stream]
            alive = [key.run_id for key in line if key in self.readers]
            assert [run_id for run_id in here if run_id in alive] == alive

    def teardown(self) -> None:
        self._stack.close()


def test_a_list_has_one_reader_and_whoever_waits_longest_is_next() -> None:
    run_state_machine_as_test(
        Lines,
        settings=settings(
            max_examples=60,
            stateful_step_count=30,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate],
        ),
    )
