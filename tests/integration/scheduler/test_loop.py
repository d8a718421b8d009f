"""The daemon's loop on a clock that tests move: what is due is run once, whatever the clocks and the machine do."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from support.clock import ManualClock
from support.ledgers import sqlite_ledger
from sync_worker.destination.sqlite import SqliteDestination
from sync_worker.model import Outcome, RunRequest
from sync_worker.scheduler.loop import Loop, Planned
from sync_worker.scheduler.schedules import parse_schedule
from sync_worker.state.ledger import RunRow, close_abandoned_runs, close_run, open_run
from sync_worker.state.queue import enqueue_run, enqueue_tick

CHICAGO = "America/Chicago"
SCHEDULES = {
    "field": ("0 * * * *", CHICAGO),
    "early": ("30 1 * * *", CHICAGO),
    "missing": ("30 2 * * *", CHICAGO),
    "weekly": ("0 6 * * 1", CHICAGO),
    "often": ("every 45m", "UTC"),
    "daily": ("@daily", CHICAGO),
}
EVERYTHING = RunRequest("", ["*"])
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


class SettableClock(ManualClock):
    """A clock that somebody sets, while seconds pass as ever."""

    def __init__(self, start: datetime) -> None:
        super().__init__(start)
        self.wrong_by = timedelta()

    def now(self) -> datetime:
        return super().now() + self.wrong_by


class InlineEngine:
    """Executes runs at once, or leaves those of `slow` jobs under way."""

    def __init__(self, here: Daemons) -> None:
        self._here = here
        self.slow: dict[str, str] = {}
        self.started: list[RunRequest] = []

    def running(self) -> Mapping[str, str]:
        return {job: run_id for job, run_id in self.slow.items() if run_id}

    def start(self, run: RunRequest) -> None:
        self.started.append(run)
        now = self._here.clock.now()
        with self._here.destination.short_write() as transaction:
            open_run(transaction, RunRow(run.run_id, run.job, run.trigger, now))
            if run.job in self.slow:
                self.slow[run.job] = run.run_id
            else:
                close_run(transaction, run.run_id, Outcome.SUCCEEDED, finished_at=now, error=None)


class Daemons:
    """One database, and daemons that hold it one after the other."""

    def __init__(self, destination: SqliteDestination) -> None:
        self.destination = destination
        self.clock = ManualClock(NOON)
        self.schedules: dict[str, tuple[str, str]] = dict(SCHEDULES)
        self.openings = 1

    def serve(self, until: datetime, *, poll_seconds: float = 600, at_pass: Callable[[], None] | None = None) -> None:
        """Run a daemon from its start to a stop at that instant; `at_pass` is called on each pass of its loop."""
        self.engine = InlineEngine(self)
        self.resume(until, poll_seconds=poll_seconds, at_pass=at_pass)

    def resume(self, until: datetime, *, poll_seconds: float = 600, at_pass: Callable[[], None] | None = None) -> None:
        """As `serve`, with the engine there is."""
        stop = threading.Event()
        ends_at = self.clock.monotonic() + (until - self.clock.now()).total_seconds()

        def beat() -> None:
            if at_pass is not None:
                at_pass()
            if self.clock.monotonic() >= ends_at:
                stop.set()

        jobs = {name: Planned(EVERYTHING, parse_schedule(*when)) for name, when in self.schedules.items()}
        with self.destination.transaction() as transaction:
            close_abandoned_runs(transaction, self.clock.now())
        loop = Loop(
            jobs,
            self.engine,
            self.destination,
            clock=self.clock,
            stop=stop,
            beat=beat,
            openings=lambda: self.openings,
            poll_seconds=poll_seconds,
        )
        loop.run()

    def runs(self, columns: str = "job, trigger, scheduled_at, outcome") -> list[tuple[object, ...]]:
        """Return the runs in the ledger."""
        with self.destination.reader() as view:
            return list(view.execute(f"SELECT {columns} FROM _runs ORDER BY rowid"))


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Daemons]:
    with sqlite_ledger(tmp_path) as destination:
        yield Daemons(destination)


@pytest.mark.parametrize("start", [datetime(2026, 3, 5, 12, tzinfo=UTC), datetime(2026, 10, 29, 12, tzinfo=UTC)])
def test_seven_days_across_a_clock_change_run_every_tick_once(here: Daemons, start: datetime) -> None:
    here.clock = ManualClock(start)
    end = start + timedelta(days=7)
    expected = set()
    for job, when in SCHEDULES.items():
        tick = parse_schedule(*when).next_after(start)
        while tick <= end:
            expected.add((job, "schedule", f"{tick:%Y-%m-%dT%H:%M:%SZ}", "succeeded"))
            tick = parse_schedule(*when).next_after(tick)

    here.serve(end)

    assert len(here.runs()) == len(set(here.runs()))
    assert set(here.runs()) == expected
    by_job = {job: sum(run[0] == job for run in here.runs()) for job in SCHEDULES}
    assert by_job == {"field": 168, "early": 7, "missing": 7, "weekly": 1, "often": 224, "daily": 7}


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        # Clocks go from 02:00 to 03:00: what was due at 02:30 is due an hour after 01:30 all the same.
        ("2026-03-08", {"daily": "06:00", "early": "07:30", "missing": "08:30"}),
        # 01:00 to 02:00 comes twice: the first time counts.
        ("2026-11-01", {"daily": "05:00", "early": "06:30", "missing": "08:30"}),
    ],
)
def test_on_the_day_that_clocks_change_every_job_is_due_once(here: Daemons, day: str, expected: dict[str, str]) -> None:
    here.clock = ManualClock(datetime.fromisoformat(f"{day}T00:00:00Z"))
    here.schedules = {job: SCHEDULES[job] for job in expected}

    here.serve(here.clock.now() + timedelta(days=1))

    assert {job: at for job, _, at, _ in here.runs()} == {job: f"{day}T{at}:00Z" for job, at in expected.items()}
    assert len(here.runs()) == len(expected)


@pytest.mark.parametrize("start", [datetime(2026, 3, 5, 12, tzinfo=UTC), datetime(2026, 10, 29, 12, tzinfo=UTC)])
def test_daemons_that_come_and_go_for_a_week_run_every_tick_once(here: Daemons, start: datetime) -> None:
    here.clock = ManualClock(start)
    random = Random(7)  # noqa: S311 - any moment will do
    end = start + timedelta(days=7)
    while here.clock.now() < end:
        here.serve(min(end, here.clock.now() + timedelta(minutes=random.randint(1, 500))))

    ticks = [(job, at) for job, _, at, _ in here.runs()]
    assert len(ticks) == len(set(ticks)) == 168 + 7 + 7 + 1 + 224 + 7
    assert {(trigger, outcome) for _, trigger, _, outcome in here.runs()} == {("schedule", "succeeded")}


def test_ten_hours_down_become_one_catch_up_run_of_each_job_that_was_due(here: Daemons) -> None:
    here.serve(NOON + timedelta(hours=2))
    before = len(here.runs())
    here.clock.advance(10 * 3600)
    here.serve(here.clock.now() + timedelta(minutes=1))

    assert here.runs()[before:] == [
        ("field", "catch_up", "2026-03-03T00:00:00Z", "succeeded"),
        ("often", "catch_up", "2026-03-03T00:00:00Z", "succeeded"),
    ]


@pytest.mark.parametrize(
    ("set_by", "expected"),
    [
        (timedelta(hours=-1), [("schedule", "02T13:00"), ("schedule", "02T14:00"), ("schedule", "02T15:00")]),
        (
            timedelta(days=1),
            [("schedule", "02T13:00"), ("schedule", "02T14:00"), ("catch_up", "03T14:00")]
            + [("schedule", f"03T{hour}:00") for hour in (15, 16)],
        ),
    ],
    ids=["an hour back", "a day forward"],
)
def test_a_clock_that_is_set_under_a_daemon_doubles_no_tick_and_misses_none_for_good(
    here: Daemons, set_by: timedelta, expected: list[tuple[str, str]]
) -> None:
    here.schedules = {"field": ("0 * * * *", "UTC")}
    here.clock = clock = SettableClock(NOON)

    def set_clock() -> None:
        if clock.monotonic() >= timedelta(hours=2, minutes=20).total_seconds():
            clock.wrong_by = set_by

    here.serve(NOON + timedelta(hours=4, minutes=30), at_pass=set_clock, poll_seconds=60)

    assert [(trigger, at) for _, trigger, at, _ in here.runs()] == [
        (trigger, f"2026-03-{at}:00Z") for trigger, at in expected
    ]


def test_a_machine_that_sleeps_is_caught_up_with_once(here: Daemons) -> None:
    here.schedules = {"field": ("0 * * * *", "UTC")}
    slept: list[None] = []

    def sleep() -> None:
        if not slept and here.clock.now() > NOON + timedelta(hours=1):
            slept.append(None)
            here.clock.advance(5 * 3600)

    here.serve(NOON + timedelta(hours=7, minutes=30), at_pass=sleep)

    assert [(trigger, at) for _, trigger, at, _ in here.runs()] == [
        ("schedule", "2026-03-02T13:00:00Z"),
        ("catch_up", "2026-03-02T18:00:00Z"),
        ("schedule", "2026-03-02T19:00:00Z"),
    ]


def test_clocks_put_back_repeat_no_tick(here: Daemons) -> None:
    here.schedules = {"field": ("0 * * * *", "UTC")}
    here.serve(NOON + timedelta(hours=2, minutes=10))
    ticks = here.runs()
    here.clock = ManualClock(NOON + timedelta(minutes=30))
    here.resume(NOON + timedelta(hours=3, minutes=10))

    assert [at for _, _, at, _ in ticks] == ["2026-03-02T13:00:00Z", "2026-03-02T14:00:00Z"]
    assert here.runs()[2:] == [("field", "schedule", "2026-03-02T15:00:00Z", "succeeded")]


def test_a_clock_that_was_a_year_ahead_for_a_while_keeps_no_tick_from_running(here: Daemons) -> None:
    here.schedules = {"field": ("0 * * * *", "UTC")}
    here.clock = clock = SettableClock(NOON)

    def set_clock() -> None:
        is_wrong = timedelta(minutes=30) <= timedelta(seconds=clock.monotonic()) < timedelta(minutes=50)
        clock.wrong_by = timedelta(days=365) if is_wrong else timedelta()

    here.serve(NOON + timedelta(hours=2, minutes=10), at_pass=set_clock, poll_seconds=60)
    in_the_right_year = [run for run in here.runs() if str(run[2]).startswith("2026")]
    assert [(trigger, at) for _, trigger, at, _ in in_the_right_year] == [
        ("schedule", "2026-03-02T13:00:00Z"),
        ("schedule", "2026-03-02T14:00:00Z"),
    ]


def test_a_tick_while_the_run_before_goes_on_is_skipped(here: Daemons) -> None:
    here.schedules = {"field": ("0 * * * *", "UTC"), "documents": ("30 * * * *", "UTC")}
    here.engine = InlineEngine(here)
    here.engine.slow["field"] = ""
    here.resume(NOON + timedelta(hours=2, minutes=10))

    assert [(job, outcome) for job, _, _, outcome in here.runs()] == [
        ("documents", "succeeded"),
        ("field", None),
        ("documents", "succeeded"),
        ("field", "skipped"),
    ]
    assert here.runs("error")[-1] == (f"the run before, {here.engine.slow['field']}, was still under way",)


def test_a_run_that_was_killed_is_gone_on_with_at_the_next_start(here: Daemons) -> None:
    here.schedules = {"field": ("0 * * * *", "UTC")}
    here.engine = InlineEngine(here)
    here.engine.slow["field"] = ""
    here.resume(NOON + timedelta(hours=1, minutes=10))
    here.serve(NOON + timedelta(hours=1, minutes=30))
    here.serve(NOON + timedelta(hours=1, minutes=50))

    assert here.runs() == [
        ("field", "schedule", "2026-03-02T13:00:00Z", "interrupted"),
        ("field", "catch_up", None, "succeeded"),
    ]


def test_a_killed_run_that_has_missed_ticks_as_well_is_caught_up_with_once(here: Daemons) -> None:
    here.schedules = {"field": ("0 * * * *", "UTC")}
    here.engine = InlineEngine(here)
    here.engine.slow["field"] = ""
    here.resume(NOON + timedelta(hours=1, minutes=10))
    here.clock.advance(10 * 3600)
    here.serve(here.clock.now() + timedelta(minutes=1))

    assert [run[1:] for run in here.runs()] == [
        ("schedule", "2026-03-02T13:00:00Z", "interrupted"),
        ("catch_up", "2026-03-02T23:00:00Z", "succeeded"),
    ]


def test_a_run_asked_for_by_hand_is_taken_within_a_second(here: Daemons) -> None:
    asked = RunRequest("rfis", ["rfis"], [7], full_refresh=True, run_id="by-hand")
    passes: list[datetime] = []

    def ask() -> None:
        passes.append(here.clock.now())
        if len(passes) == 20:
            with here.destination.short_write() as transaction:
                enqueue_run(transaction, asked)

    here.schedules = {}
    here.serve(NOON + timedelta(seconds=20), poll_seconds=0.5, at_pass=ask)

    (taken,) = here.engine.started
    assert taken == asked
    ((started_at,),) = here.runs("started_at")
    assert str(started_at) <= f"{passes[19] + timedelta(seconds=1):%Y-%m-%dT%H:%M:%SZ}"


def test_a_waiting_run_of_a_job_that_is_gone_is_skipped_with_the_reason(here: Daemons) -> None:
    with here.destination.short_write() as transaction:
        enqueue_run(transaction, RunRequest("gone", trigger="schedule", run_id="orphan"))
    here.serve(NOON)

    assert here.runs("outcome, error") == [("skipped", "no job of this name is configured any more")]


def test_a_ledger_that_refuses_is_asked_again(here: Daemons) -> None:
    here.schedules = {"field": ("0 * * * *", "UTC")}
    refused: list[None] = []

    def break_and_mend() -> None:
        with here.destination.transaction() as transaction:
            if not refused and here.clock.now() >= NOON + timedelta(minutes=50):
                refused.append(None)
                transaction.execute("ALTER TABLE _runs RENAME TO _hidden")
            elif here.clock.now() >= NOON + timedelta(minutes=80):
                tables = transaction.execute("SELECT name FROM sqlite_master WHERE name = '_hidden'")
                if tables:
                    transaction.execute("ALTER TABLE _hidden RENAME TO _runs")

    here.serve(NOON + timedelta(hours=1, minutes=50), at_pass=break_and_mend)

    assert here.runs() == [("field", "catch_up", "2026-03-02T13:00:00Z", "succeeded")]


def test_what_another_file_in_the_place_of_the_ledger_lacks_is_run_without_a_new_start(here: Daemons) -> None:
    here.schedules = {"cut": ("0 * * * *", "UTC"), "lost": ("0 * * * *", "UTC")}
    here.engine = InlineEngine(here)
    here.engine.slow["cut"] = ""

    def reopen_once() -> None:
        if here.openings == 1 and here.clock.now() >= NOON + timedelta(minutes=70):
            here.openings += 1
            here.engine.slow.clear()
            with here.destination.transaction() as transaction:
                transaction.execute("DELETE FROM _runs WHERE job = 'lost' AND scheduled_at LIKE '%T13%'")
                close_abandoned_runs(transaction, here.clock.now())

    with here.destination.transaction() as transaction:
        enqueue_tick(transaction, "lost", NOON, trigger="schedule", now=NOON)
    here.resume(NOON + timedelta(minutes=100), at_pass=reopen_once)

    assert here.runs() == [
        ("lost", "schedule", "2026-03-02T12:00:00Z", "succeeded"),
        ("cut", "schedule", "2026-03-02T13:00:00Z", "interrupted"),
        ("lost", "catch_up", "2026-03-02T13:00:00Z", "succeeded"),
        ("cut", "catch_up", None, "succeeded"),
    ]
