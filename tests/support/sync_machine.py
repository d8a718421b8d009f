"""A synced database and a small Procore as a state machine, whose rules hypothesis combines in any order.

People edit records, permissions change, answers are broken, the process crashes at commits, clocks are wrong. After
every run and every approval the invariants are checked; at the end, after quiet runs, the tables must equal Procore.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from structlog.testing import capture_logs

from procore_simulator.entry import Truth
from procore_simulator.faults import Fault
from procore_simulator.server import Simulator
from procore_simulator.world import World
from support.broken_answers import BROKEN_ANSWERS, LIST_CHANGES, broken_answer
from support.clock import WorkerClock
from support.crashing_database import CrashedError, CrashingDatabase, CrashPoint
from support.oracle import differences
from support.worker import Installation, advance, incomplete
from sync_worker.catalog import STREAMS
from sync_worker.destination.sqlite import SqliteDestination
from sync_worker.load.deletes import approve
from sync_worker.model import Scope, Verdict
from sync_worker.runner.worker import FinishedRun

RFIS, PHOTOS, MEETINGS, TASKS, LOGS = "rfis", "photos", "meetings", "task_items", "notes_logs"
CONTRACTS, LINES = "work_order_contracts", "work_order_contract_line_items"
READ = (RFIS, PHOTOS, MEETINGS, TASKS, LOGS, CONTRACTS, LINES)
"""One stream for each way of reading and of detecting deletes."""
LISTS = tuple(f"*/{STREAMS[it].path.rpartition('/')[2]}*" for it in READ)
MOVING = (RFIS, PHOTOS, TASKS)
MOST_PROJECTS = 3
QUIET_RUNS = 3
HOUR, DAY = 3600, 86_400

streams = st.sampled_from(READ)
picks = st.integers(0, 1_000)


class SyncMachine(RuleBasedStateMachine):
    """The rules; `counted` counts events over all machines of a test."""

    counted: ClassVar[dict[str, int]] = {}

    def __init__(self) -> None:
        super().__init__()
        self._stack = ExitStack()
        self._stack.enter_context(capture_logs())
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        world = World({name: STREAMS[name] for name in ("companies", "projects", *READ)}, projects=2, scale=0.1)
        self.simulator = self._stack.enter_context(Simulator(world, most_per_page=2))
        self.installation = Installation(self.simulator, folder, clock=WorkerClock(world.clock))
        self.installation.config = {"limits": {"max_concurrency": 2}}
        self.marks: dict[tuple[Any, ...], str] = {}
        self.needs_whole_list: set[str] = set()
        self.has_lied = False
        self.lies: dict[str, Fault] = {}

    @initialize(is_loaded=st.booleans())
    def load(self, is_loaded: bool) -> None:
        if is_loaded:
            self.run("manual", is_full=False)

    # Rules: users of Procore.

    @rule(stream=streams, pick=picks)
    def create(self, stream: str, pick: int) -> None:
        project, parent = self._project(pick), None
        if stream == LINES:
            contracts = self._live(CONTRACTS)
            if not contracts:
                return
            contract = contracts[pick % len(contracts)]
            project, parent = contract.project_id or 0, contract.record["id"]
            # An inserted line is found when its contract is touched or all contracts are read.
            self.simulator.world.update(CONTRACTS, parent, {})
        advance(self.simulator, 7)
        self.simulator.world.insert(stream, project_id=project, parent_id=parent)

    @rule(stream=streams, pick=picks, is_late=st.booleans())
    def edit(self, stream: str, pick: int, is_late: bool) -> None:
        """Edit a record, in some cases with an `updated_at` in the past, but within the lookback."""
        for truth in self._picked(stream, pick):
            advance(self.simulator, 7)
            at = self.simulator.world.clock.now() - timedelta(minutes=5 * is_late)
            field = next(it for it in ("subject", "name", "title", "description", "comment") if it in truth.record)
            changes = {field: f"edit {pick}", "updated_at": f"{at:%Y-%m-%dT%H:%M:%SZ}"}
            self._update(stream, truth, changes)
            # An old daily log that is edited is found when all days are read.
            self._needs_whole_list(*[stream] * (stream == LOGS))

    @rule(stream=streams, pick=picks, count=st.sampled_from([1, 1, 3, 12, 1_000]))
    def delete(self, stream: str, pick: int, count: int) -> None:
        """Delete one record, or many of one project at once."""
        advance(self.simulator, 7)
        for first in self._picked(stream, pick):
            of_project = [truth for truth in self._live(stream) if truth.project_id == first.project_id]
            for truth in of_project[:count]:
                if stream == LINES:
                    self.simulator.world.purge(stream, truth.record["id"])
                else:
                    self.simulator.world.delete(stream, truth.record["id"], project_id=truth.project_id)

    @rule(stream=st.sampled_from([it for it in READ if it != LINES]), pick=picks)
    def restore(self, stream: str, pick: int) -> None:
        gone = [truth for truth in self.simulator.world.records(stream, deleted=True) if truth.is_deleted]
        for truth in gone[pick % len(gone) :][:1] if gone else []:
            self.simulator.world.restore(stream, truth.record["id"], project_id=truth.project_id)
            self._needs_whole_list(stream)

    @rule(stream=st.sampled_from(MOVING), pick=picks)
    def move(self, stream: str, pick: int) -> None:
        for truth in self._picked(stream, pick):
            advance(self.simulator, 7)
            others = [it for it in self.simulator.world.project_ids if it != truth.project_id]
            self.simulator.world.move(stream, truth.record["id"], others[pick % len(others)])

    # Rules: the administrator of Procore.

    @precondition(lambda self: len(self.simulator.world.project_ids) < MOST_PROJECTS)
    @rule()
    def add_project(self) -> None:
        self.simulator.world.add_project()

    @rule(pick=picks, is_hidden=st.booleans(), is_404=st.booleans())
    def hide_or_show_a_project(self, pick: int, is_hidden: bool, is_404: bool) -> None:
        permissions = self.simulator.permissions
        permissions.hidden_status = 404 if is_404 else 403
        (permissions.hide_project if is_hidden else permissions.show_project)(self._project(pick))

    @rule(stream=streams, pick=picks, is_permitted=st.booleans())
    def flip_a_permission(self, stream: str, pick: int, is_permitted: bool) -> None:
        permissions = self.simulator.permissions
        (permissions.permit if is_permitted else permissions.forbid)(stream, self._project(pick))

    # Rules: faults.

    @rule(
        kind=st.sampled_from([*sorted(BROKEN_ANSWERS), *sorted(LIST_CHANGES) * 3]),
        path=st.sampled_from(["*", "*/projects[?]*", *LISTS]),
        after=st.integers(0, 4),
        times=st.sampled_from([1, 1, 2, 6]),
    )
    def break_answers(self, kind: str, path: str, after: int, times: int) -> None:
        if kind in LIST_CHANGES:
            path, after = f"{LISTS[after]}[?&]page=2&*", 0
        self.simulator.faults.add(broken_answer(kind, path=path, after=after, times=times))

    @precondition(lambda self: not self.has_lied)
    @rule(stream=st.sampled_from([it for it in READ if it != LINES]))
    def lie(self, stream: str) -> None:
        """Answer a list with data as an empty one, once: a second time would count as agreement."""
        self.has_lied = True
        self._needs_whole_list(stream)
        self.lies[stream] = Fault(path=LISTS[READ.index(stream)], body="[]")
        self.simulator.faults.add(self.lies[stream])

    @rule()
    def revoke_the_token(self) -> None:
        self.simulator.tokens.revoke()

    @rule(seconds=st.sampled_from([1, HOUR, 7 * HOUR, DAY, 8 * DAY]))
    def let_time_pass(self, seconds: int) -> None:
        advance(self.simulator, seconds)

    @rule(seconds=st.sampled_from([-30 * DAY, -DAY, -HOUR, 0, HOUR, DAY, 30 * DAY]))
    def set_our_clock(self, seconds: int) -> None:
        self.installation.clock = WorkerClock(self.simulator.world.clock, timedelta(seconds=seconds))

    # Rules: the worker.

    @rule(trigger=st.sampled_from(["manual", "schedule"]), is_full=st.booleans())
    def run(self, trigger: str, is_full: bool) -> None:
        with self._checked():
            before = self._findable()
            report = self._run(trigger, is_full)
            self._check_complete(report, before & self._alive(), "window_from IS NULL")

    @rule(
        stream=st.sampled_from(MOVING),
        kind=st.sampled_from([*sorted(LIST_CHANGES), "a wrong total", "no total"]),
        times=st.sampled_from([1, 9]),
    )
    def run_while_a_list_changes(self, stream: str, kind: str, times: int) -> None:
        """Change a list between its pages in the first sweep or in all, or make its count wrong."""
        # A record that slips between two pages is missed only where its stored row is old.
        advance(self.simulator, 7)
        for project in self.simulator.world.project_ids:
            for _ in range(5 - sum(truth.project_id == project for truth in self._live(stream))):
                self.simulator.world.insert(stream, project_id=project)
        for truth in self._live(stream):
            self._update(stream, truth, {"updated_at": f"{self.simulator.world.clock.now():%Y-%m-%dT%H:%M:%SZ}"})
        page = "page=2&" if kind in LIST_CHANGES else "page="
        self.simulator.faults.add(broken_answer(kind, path=f"{LISTS[READ.index(stream)]}[?&]{page}*", times=times))
        with self._checked():
            before = self._findable()
            report = self._run("manual", is_full=False)
            self._count(f"a list changed: {report.totals.outcome}")
            # Every record was edited, so a list of changes is a complete list.
            self._check_complete(report, before & self._alive(), f"stream = '{stream}'")

    @rule(is_full=st.booleans(), commit=st.integers(2, 30), is_before=st.booleans())
    def crash_in_a_run(self, is_full: bool, commit: int, is_before: bool) -> None:
        with self._checked(), self._with_crash_point(CrashPoint(commit, is_before=is_before)), suppress(CrashedError):
            self._run("schedule", is_full)

    @rule(is_full=st.booleans(), commit=st.integers(2, 30))
    def stop_a_run(self, is_full: bool, commit: int) -> None:
        stop = Event()
        with self._checked(), self._with_crash_point(CrashPoint(commit, then=stop.set)):
            self._run("manual", is_full, stop)

    @rule()
    def approve_held_deletes(self) -> None:
        """Approve all held deletes: the only way in which a live row may be marked deleted."""
        if not self.installation.database.exists():
            return
        now = self.installation.clock.now()
        with SqliteDestination(self.installation.database).short_write() as transaction:
            held = transaction.execute("SELECT DISTINCT stream, company_id, project_id FROM _held_deletes")
            for stream, company, project in held:
                keys = transaction.execute(
                    "SELECT record_key FROM _held_deletes WHERE stream = :stream AND project_id = :project",
                    {"stream": stream, "project": project},
                )
                scope = Scope(int(company or 0), int(project or 0))
                approve(transaction, STREAMS[str(stream)], scope, [(int(key or 0),) for (key,) in keys], now)
                self._count("approved")

    def teardown(self) -> None:
        try:
            self._end_quietly()
        finally:
            self._stack.close()

    def _end_quietly(self) -> None:
        self.simulator.faults.clear()
        self.set_our_clock(0)
        for project in self.simulator.world.project_ids:
            self.simulator.permissions.show_project(project)
            for stream in READ:
                self.simulator.permissions.permit(stream, project)
        for number in range(QUIET_RUNS + 1):
            # The first run reads changes only, as on a schedule, and must find everything new.
            is_full = number > 0
            with self._checked():
                left = incomplete(self._run("manual", is_full))
                assert left == [], left
            if not is_full:
                self._compare(["projects", *(it for it in READ if it not in self.needs_whole_list)], deletes=False)
        self._compare(["projects", *READ], deletes=True)
        assert self.installation.query("PRAGMA integrity_check") == [("ok",)]
        assert self.installation.query("SELECT count(*) FROM _runs WHERE outcome IS NULL") == [(0,)]

    def _needs_whole_list(self, *streams: str) -> None:
        """Remember streams with changes that only a complete list shows, and the streams nested in them."""
        self.needs_whole_list |= {*streams, *[LINES] * (CONTRACTS in streams)}

    def _compare(self, streams: list[str], *, deletes: bool) -> None:
        found = differences(self.simulator, self.installation.database, streams=streams, deletes=deletes)
        # Children of a deleted record are gone in Procore, but keep their rows until deletes are settled.
        wrong = [it for it in found if deletes or not it.endswith("not from Procore")]
        assert wrong == [], wrong

    def _run(self, trigger: str, is_full: bool, stop: Event | None = None) -> FinishedRun:
        self._count("runs")
        report = self.installation.run(*READ, trigger=trigger, full_refresh=is_full, stop=stop)
        self._count(str(report.totals.outcome))
        return report

    @contextmanager
    def _with_crash_point(self, crash_point: CrashPoint) -> Iterator[None]:
        self.installation.database_at = partial(CrashingDatabase, crash_point=crash_point)
        try:
            yield
        finally:
            self.installation.database_at = SqliteDestination
            self.counted["crashed"] = self.counted.get("crashed", 0) + crash_point.has_crashed

    @contextmanager
    def _checked(self) -> Iterator[None]:
        """Check the invariants after a run, however it ended."""
        deleted, marks = self._marked_deleted(), self._marks()
        yield
        self._check_deletes(deleted)
        self._check_marks(marks)

    def _check_complete(self, report: FinishedRun, alive: set[tuple[str, Any, Any]], of: str) -> None:
        """Check that lists with the verdict complete have all records that existed before and after the run."""
        found = f"SELECT stream, project_id FROM _run_scopes WHERE run_id = ? AND verdict = ? AND {of}"
        for stream, project in self._rows(found, report.run_id, Verdict.COMPLETE):
            if stream not in READ:
                continue
            wanted = {key for name, where, key in alive if (name, where) == (stream, project)}
            version = "updated_at" if "updated_at" in STREAMS[stream].fields else "NULL"
            rows = self._rows(
                f"SELECT id, {version} FROM {stream} WHERE project_id = ? AND _deleted_at IS NULL", project
            )
            missing = wanted - set(rows)
            self._count("checked")
            assert missing == set(), (stream, project, missing)

    def _findable(self) -> set[tuple[str, Any, Any]]:
        """Return all live records, except those of a list that will be answered as an empty one."""
        waiting = {stream for stream, lie in self.lies.items() if lie.times > 0}
        return {found for found in self._alive() if found[0] not in waiting}

    def _alive(self) -> set[tuple[str, Any, Any]]:
        """Return all live records, with their version where the table has a column for it."""
        return {
            (it, truth.project_id, (truth.record["id"], truth.record.get("updated_at")))
            for it in READ
            for truth in self._live(it)
        }

    def _check_deletes(self, before: set[tuple[str, Any, Any]]) -> None:
        """Check that no row was marked deleted whose record is alive in the same project."""
        alive = {(stream, project, key) for stream, project, (key, _) in self._alive()}
        marked = self._marked_deleted() - before
        self.counted["marked"] = self.counted.get("marked", 0) + len(marked)
        assert marked & alive == set(), marked & alive

    def _check_marks(self, before: dict[tuple[Any, ...], str]) -> None:
        """Check that no mark moved back, past the server's time, or without proof."""
        after, now = self._marks(), f"{self.simulator.world.clock.now():%Y-%m-%dT%H:%M:%SZ}"
        gone_back = [key for key, mark in before.items() if after[key] < mark]
        assert gone_back == [], gone_back
        ahead = [(key, mark, now) for key, mark in after.items() if mark > now]
        assert ahead == [], ahead
        moved = {key for key, mark in after.items() if before.get(key) != mark}
        proven = set(self._rows("SELECT stream, project_id FROM _run_scopes WHERE verdict = ?", Verdict.COMPLETE))
        assert moved <= proven, moved - proven

    def _marked_deleted(self) -> set[tuple[str, Any, Any]]:
        return {
            (stream, project, key)
            for stream in READ
            for project, key in self._rows(f"SELECT project_id, id FROM {stream} WHERE _deleted_at NOTNULL")
        }

    def _marks(self) -> dict[tuple[Any, ...], str]:
        return {(stream, project): mark for stream, project, mark in self._rows(
            "SELECT stream, project_id, mark FROM _checkpoints"
        )}  # fmt: skip

    def _rows(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Return rows of a table, none if the table does not exist yet."""
        table = sql.partition(" FROM ")[2].split()[0]
        if not self.installation.database.exists():
            return []
        known = self.installation.query("SELECT 1 FROM sqlite_master WHERE name = ?", table)
        return self.installation.query(sql, *parameters) if known else []

    def _project(self, pick: int) -> int:
        ids = self.simulator.world.project_ids
        return ids[pick % len(ids)]

    def _live(self, stream: str) -> list[Truth]:
        return self.simulator.world.records(stream)

    def _picked(self, stream: str, pick: int) -> list[Truth]:
        live = self._live(stream)
        return [live[pick % len(live)]] if live else []

    def _update(self, stream: str, truth: Truth, changes: dict[str, Any]) -> None:
        known = {name: value for name, value in changes.items() if name in truth.record}
        self.simulator.world.update(stream, truth.record["id"], known, project_id=truth.project_id, touch=False)
        if stream == LINES and truth.parent_id is not None:
            self.simulator.world.update(CONTRACTS, truth.parent_id, {}, project_id=truth.project_id)

    def _count(self, what: str) -> None:
        self.counted[what] = self.counted.get(what, 0) + 1
