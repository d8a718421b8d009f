"""Two runs of one worker never read the same list at once; the later one reads what the earlier one left."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date, datetime

import pytest
import structlog

from procore_simulator.allowance import Limits
from procore_simulator.clocks import SteppedClock
from procore_simulator.world import World
from support.clock import ManualClock
from support.oracle import differences, readable_projects
from support.worker import A_FEW, Install, Installation, advance, incomplete
from sync_worker.app import open_worker
from sync_worker.clock import Clock
from sync_worker.errors import AllowanceSpent, DatabaseLostError, StopRequested
from sync_worker.model import Outcome, RunRequest, Scope, Verdict
from sync_worker.progress import NullProgress
from sync_worker.runner.worker import FinishedRun, Worker
from sync_worker.state.leases import take_lease
from sync_worker.state.ledger import RunRow, ScopeKey, open_run

_LIMIT = 60
LEASES = "SELECT job FROM _leases AS l JOIN _runs AS r ON r.run_id = l.run_id ORDER BY seq"


class PausedAtPage(NullProgress):
    """Holds the first run at a page of a stream until it may go on."""

    def __init__(self, stream: str, page: int = 1) -> None:
        self._stream = stream
        self._pages_before = page - 1
        self.has_read = threading.Event()
        self.may_go_on = threading.Event()

    def page_taken(self, records: int) -> None:  # noqa: ARG002 - of the protocol
        if structlog.contextvars.get_contextvars().get("stream") != self._stream or self.has_read.is_set():
            return
        if self._pages_before:
            self._pages_before -= 1
            return
        self.has_read.set()
        assert self.may_go_on.wait(_LIMIT)


class PausedAtBoth(NullProgress):
    """Holds runs at two lists."""

    def __init__(self, one: PausedAtPage, other: PausedAtPage) -> None:
        self.one = one
        self.other = other

    def page_taken(self, records: int) -> None:
        self.one.page_taken(records)
        self.other.page_taken(records)


class WatchedClock:
    """A clock that shows when somebody waits for a moment; time goes on by itself meanwhile."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.is_waited = threading.Event()

    def now(self) -> datetime:
        return self._clock.now()

    def monotonic(self) -> float:
        return self._clock.monotonic()

    def wait(self, event: threading.Event, seconds: float) -> bool:
        if seconds >= 1:
            return self._clock.wait(event, seconds)
        self.is_waited.set()
        return event.wait(0.01)


class TwoRuns:
    """A worker with one run that is paused in the middle of a list, and another that wants the same list."""

    def __init__(self, worker: Worker, stop: threading.Event, paused: PausedAtPage, clock: WatchedClock) -> None:
        self._pool = ThreadPoolExecutor(2)
        self._clock = clock
        self.worker = worker
        self.stop = stop
        self.paused = paused

    def start(self, request: RunRequest) -> Future[FinishedRun]:
        return self._pool.submit(self.worker.run, request)

    def start_both(self, first: RunRequest, second: RunRequest) -> tuple[Future[FinishedRun], Future[FinishedRun]]:
        """Start the first run, and once it is paused the other; return when that one waits."""
        one = self.start(first)
        assert self.paused.has_read.wait(_LIMIT)
        return one, self.start_waiting(second)

    def start_waiting(self, request: RunRequest) -> Future[FinishedRun]:
        """Start a run that wants a list that is read already; return when it waits."""
        self._clock.is_waited.clear()
        run = self.start(request)
        assert self._clock.is_waited.wait(_LIMIT)
        return run

    def close(self) -> None:
        self.paused.may_go_on.set()
        self._pool.shutdown()


@contextmanager
def two_runs(here: Installation, paused: PausedAtPage, also: PausedAtPage | None = None) -> Iterator[TwoRuns]:
    stop, clock = threading.Event(), WatchedClock(here.clock)
    progress = PausedAtBoth(paused, also) if also else paused
    with open_worker(
        here.settings(), stop=stop, on_new_secret=lambda _: None, clock=clock, progress=progress
    ) as worker:
        runs = TwoRuns(worker, stop, paused, clock)
        try:
            yield runs
        finally:
            if also:
                also.may_go_on.set()
            runs.close()


@pytest.fixture
def here(install: Install) -> Installation:
    return install(world=World(A_FEW, projects=1, scale=1, clock=SteppedClock()), most_per_page=5)


def of_rfis(here: Installation) -> list[tuple[str, int | None]]:
    """Each request for RFIs: whether it asks for all or for changes, and which page."""
    asked = [it for it in here.asked("rfis") if it.path.endswith("/rfis")]
    return [("changes" if "filters[updated_at]" in it.query else "all", it.page) for it in asked]


def test_a_run_waits_for_the_list_that_another_reads_and_then_asks_only_for_its_changes(here: Installation) -> None:
    project = readable_projects(here.simulator)[0]
    with two_runs(here, PausedAtPage("rfis")) as runs:
        one, other = runs.start_both(RunRequest("a", ["rfis"]), RunRequest("b", ["rfis"]))
        assert of_rfis(here) == [("all", 1)]
        assert here.query(LEASES) == [("a",), ("b",)]
        advance(here.simulator, 60)
        (first, *_) = here.simulator.world.records("rfis", project_id=project)
        here.simulator.world.update("rfis", first.record["id"], {"subject": "Edited while it was read"})
        runs.paused.may_go_on.set()
        assert [incomplete(run.result(_LIMIT)) for run in (one, other)] == [[], []]

    kinds = [kind for kind, _ in of_rfis(here)]
    assert kinds == sorted(kinds) == ["all"] * kinds.count("all") + ["changes"]
    here.run("rfis")
    assert differences(here.simulator, here.database, streams=["rfis"]) == []
    assert here.query(LEASES) == []


def test_rows_of_a_run_are_not_deleted_by_one_that_read_before_them(here: Installation) -> None:
    """A whole read that began before a record was made must not take its row for deleted."""
    project = readable_projects(here.simulator)[0]
    here.run("rfis")
    with two_runs(here, PausedAtPage("rfis", page=2)) as runs:
        whole = RunRequest("a", ["rfis"], full_refresh=True)
        one, other = runs.start_both(whole, RunRequest("b", ["rfis"]))
        advance(here.simulator, 60)
        made = here.simulator.world.insert("rfis", {"subject": "New"}, project_id=project)
        here.simulator.world.delete("rfis", here.simulator.world.records("rfis", project_id=project)[0].record["id"])
        runs.paused.may_go_on.set()
        for run in (one, other):
            run.result(_LIMIT)

    assert here.query("SELECT _deleted_at FROM rfis WHERE id = ?", made["id"]) == [(None,)]
    here.run("rfis", full_refresh=True)
    assert differences(here.simulator, here.database, streams=["rfis"]) == []


def test_a_backfill_lets_other_runs_have_the_list_between_its_parts(here: Installation) -> None:
    project = readable_projects(here.simulator)[0]
    for day in ("2025-03-03", "2025-05-05", "2025-08-08"):
        here.simulator.world.insert("manpower_logs", {"date": day}, project_id=project)
    here.run("manpower_logs")
    here.simulator.requests.clear()
    with two_runs(here, PausedAtPage("manpower_logs")) as runs:
        backfill = RunRequest("a", ["manpower_logs"], since=date(2025, 3, 1))
        one, other = runs.start_both(backfill, RunRequest("b", ["manpower_logs"], trigger="schedule"))
        runs.paused.may_go_on.set()
        assert [incomplete(run.result(_LIMIT)) for run in (one, other)] == [[], []]

    ranges = [it.query["start_date"] for it in here.asked("manpower_logs") if it.page == 1]
    # The scheduled run comes after the first month of the backfill, with the days that it looks back on.
    assert (ranges[0], ranges[2]) == ("2025-03-01", "2025-04-01")
    assert ranges[1] > "2026-01"
    assert here.query(LEASES) == []


def test_a_run_that_is_stopped_while_it_waits_ends_as_interrupted(here: Installation) -> None:
    with two_runs(here, PausedAtPage("rfis")) as runs:
        one, other = runs.start_both(RunRequest("a", ["rfis"]), RunRequest("b", ["rfis"]))
        runs.stop.set()
        report = other.result(_LIMIT)
        runs.paused.may_go_on.set()
        one.result(_LIMIT)

    assert isinstance(report.failure, StopRequested)
    assert report.totals.outcome is Outcome.INTERRUPTED
    assert [line.error for line in report.scopes if line.stream == "rfis"] == ["interrupted"]
    assert here.query(LEASES) == []


def test_the_leases_of_a_killed_process_keep_nobody_waiting(here: Installation) -> None:
    here.run("rfis")
    project = readable_projects(here.simulator)[0]
    with here.held() as destination, destination.transaction() as transaction:
        open_run(transaction, RunRow("killed", "a", "manual", here.clock.now()))
        assert take_lease(transaction, ScopeKey("killed", "rfis", Scope(here.simulator.company_id, project)), {})

    assert incomplete(here.run("rfis")) == []


def test_a_lease_that_came_with_a_restored_backup_keeps_nobody_waiting(here: Installation) -> None:
    """Its run is open in the ledger, and no process executes it."""
    project = readable_projects(here.simulator)[0]
    with two_runs(here, PausedAtPage("nothing")) as runs:
        with runs.worker.ledger.transaction() as transaction:
            open_run(transaction, RunRow("restored", "a", "manual", here.clock.now()))
            take_lease(transaction, ScopeKey("restored", "rfis", Scope(here.simulator.company_id, project)), {})
        assert incomplete(runs.start(RunRequest("b", ["rfis"])).result(_LIMIT)) == []

    assert here.query(LEASES) == []


def test_a_run_that_a_lost_file_ended_has_an_outcome_once_the_file_is_back(here: Installation) -> None:
    away = here.database.with_name("away.db")
    with two_runs(here, PausedAtPage("rfis")) as runs:
        lost = runs.start(RunRequest("a", ["rfis"]))
        assert runs.paused.has_read.wait(_LIMIT)
        here.database.rename(away)
        runs.paused.may_go_on.set()
        assert isinstance(lost.exception(_LIMIT), DatabaseLostError)
        away.rename(here.database)
        assert incomplete(runs.start(RunRequest("b", ["rfis"])).result(_LIMIT)) == []

    assert here.query("SELECT job, outcome FROM _runs ORDER BY job") == [("a", "interrupted"), ("b", "succeeded")]
    assert here.query(LEASES) == []


def test_a_run_that_is_not_to_wait_for_the_allowance_does_not_wait_for_a_run_that_does(install: Install) -> None:
    world = World(A_FEW, projects=1, scale=1, clock=SteppedClock())
    here = install(world=world, most_per_page=5, limits=Limits(hourly=5))
    with two_runs(here, PausedAtPage("rfis")) as runs:
        runs.start(RunRequest("a", ["rfis"]))
        assert runs.paused.has_read.wait(_LIMIT)
        other = runs.start(RunRequest("b", ["rfis"], wait_for_rate_limit=False)).result(_LIMIT)
        runs.stop.set()

    assert isinstance(other.failure, AllowanceSpent)
    assert other.totals.outcome is Outcome.INTERRUPTED


def test_a_failed_list_releases_its_lease(here: Installation) -> None:
    project = readable_projects(here.simulator)[0]
    here.simulator.permissions.forbid(A_FEW["rfis"].tool, project)
    report = here.run("rfis")
    assert Verdict.NOT_PERMITTED in {line.verdict for line in report.scopes}
    assert here.query(LEASES) == []


def test_a_run_that_a_full_disk_ends_does_not_wait_for_the_lists_of_another(here: Installation) -> None:
    """Two such runs, each with a list that the other waits for, would wait for ever."""
    project = readable_projects(here.simulator)[0]
    here.simulator.world.insert("rfis", {"subject": "x" * 100_000}, project_id=project)
    rfis = PausedAtPage("rfis")
    with two_runs(here, PausedAtPage("submittals"), rfis) as runs:
        reading = runs.start(RunRequest("b", ["submittals"]))
        assert runs.paused.has_read.wait(_LIMIT)
        full = runs.start_waiting(RunRequest("a", ["rfis", "submittals"]))
        assert rfis.has_read.wait(_LIMIT)
        assert here.query(LEASES) == [("b",), ("a",), ("a",)]
        with runs.worker.ledger.transaction() as transaction:
            ((pages,),) = transaction.execute("PRAGMA page_count")
            transaction.execute(f"PRAGMA max_page_count = {pages}")
        rfis.may_go_on.set()
        assert "disk full" in str(full.exception(_LIMIT) or full.result().failure)
        assert not reading.done()

        with runs.worker.ledger.transaction() as transaction:
            transaction.execute("PRAGMA max_page_count = 1000000")
        runs.paused.may_go_on.set()
        assert incomplete(reading.result(_LIMIT)) == []


def test_a_run_of_hours_believes_the_mark_of_one_that_began_later(install: Install) -> None:
    """The mark is ahead of the long run's own start, though no clock is wrong."""
    time = ManualClock()
    world = World(A_FEW, projects=1, scale=1, clock=SteppedClock(clock=time))
    here = install(world=world, most_per_page=5, config={"limits": {"max_concurrency": 1}})
    here.run("roles", "rfis")
    with two_runs(here, PausedAtPage("roles")) as runs:
        long = runs.start(RunRequest("a", ["roles", "rfis"]))
        assert runs.paused.has_read.wait(_LIMIT)
        time.advance(7200)
        assert incomplete(runs.start(RunRequest("b", ["rfis"])).result(_LIMIT)) == []
        here.simulator.requests.clear()
        runs.paused.may_go_on.set()
        assert incomplete(long.result(_LIMIT)) == []

    assert {kind for kind, _ in of_rfis(here)} == {"changes"}
