"""What the worker remembers comes back alike from every kind of database: statements are shared, schemas are not."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from support.ledgers import Ledger, opened_ledger
from sync_worker.model import (
    ALL_CALLS,
    CallLine,
    Calls,
    DeleteEvidence,
    Outcome,
    Priority,
    RunRequest,
    Scope,
    Verdict,
    Window,
)
from sync_worker.state import (
    allowance,
    backfills,
    calls,
    checkpoints,
    deletes,
    following,
    history,
    journal,
    last_reads,
    leases,
    ledger,
    origin,
    page_sizes,
    permissions,
    queue,
    retention,
    skipped,
    volatile,
)
from sync_worker.state.dialect import Dialect
from sync_worker.state.executor import Parameter, View
from sync_worker.state.migration import applied_migrations, pending
from sync_worker.state.queries import migrations, queries

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)
# Larger than 32 bits, as Procore's are.
COMPANY, PROJECT = Scope(569009000000001), Scope(569009000000001, 568469000000001)
ACCOUNT = Scope()


@contextmanager
def ledger_with_key_sets(dialect: Dialect, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    """Open a ledger with the table of the sets of keys, which only the destination of SQLite makes by itself."""
    with opened_ledger(dialect, request, tmp_path) as found:
        if dialect is Dialect.POSTGRES:
            with found.transaction() as transaction:
                transaction.execute("CREATE TEMP TABLE _key_sets (key_set BIGINT, key TEXT)")
        yield found


@pytest.fixture(params=Dialect)
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    with ledger_with_key_sets(request.param, request, tmp_path) as found:
        yield found


@pytest.fixture
def view(opened: Ledger) -> Iterator[View]:
    with opened.transaction() as transaction:
        yield transaction


class Recorder:
    """A transaction that keeps which named statements were run."""

    def __init__(self, inner: View, ran: set[str]) -> None:
        self._inner = inner
        self._ran = ran

    def execute(self, sql: str, parameters: Mapping[str, Parameter] | None = None) -> list[tuple[Any, ...]]:
        self._ran.add(sql)
        return self._inner.execute(sql, parameters)

    def execute_many(self, sql: str, parameters: Sequence[Mapping[str, Parameter]]) -> None:
        self._ran.add(sql)
        self._inner.execute_many(sql, parameters)

    def insert(self, table: str, columns: tuple[str, ...], rows: Sequence[Sequence[Parameter]]) -> None:
        self._inner.insert(table, columns, rows)

    def has_table(self, name: str) -> bool:
        return self._inner.has_table(name)


class RecordedLedger:
    """A ledger whose transactions keep which statements they ran."""

    def __init__(self, opened: Ledger, ran: set[str]) -> None:
        self._opened = opened
        self._ran = ran

    @contextmanager
    def transaction(self) -> Iterator[View]:
        with self._opened.transaction() as transaction:
            yield Recorder(transaction, self._ran)

    @contextmanager
    def reader(self) -> Iterator[View]:
        with self._opened.reader() as found:
            yield Recorder(found, self._ran)


def columns(opened: Ledger, dialect: Dialect) -> set[tuple[str, str, bool]]:
    """Each column of the worker's own tables, and whether it may be NULL."""
    found: set[tuple[str, str, bool]] = set()
    with opened.reader() as reader:
        for sql in migrations(dialect)["0001_schema"]:
            if table := re.search(r"CREATE TABLE (\w+)", sql):
                if dialect is Dialect.SQLITE:
                    rows = [
                        (row[1], bool(row[3]) or bool(row[5]))
                        for row in reader.execute(f"PRAGMA table_xinfo({table[1]})")
                    ]
                else:
                    listed = "SELECT column_name, is_nullable = 'NO' FROM information_schema.columns"
                    rows = reader.execute(f"{listed} WHERE table_name = :name", {"name": table[1]})
                found |= {(table[1], name, is_required) for name, is_required in rows}
    return found


def test_every_database_has_the_same_tables_and_columns(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    both = []
    for dialect in Dialect:
        with opened_ledger(dialect, request, tmp_path) as opened:
            both.append(columns(opened, dialect))
    assert both[0] == both[1]


def test_a_new_database_has_seen_every_migration(view: View, request: pytest.FixtureRequest) -> None:
    dialect = request.node.callspec.params["opened"]
    assert applied_migrations(view) == {"0001_schema"} == set(migrations(dialect))
    assert pending(view, dialect) == []


def test_postgres_understands_every_named_statement(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    with ledger_with_key_sets(Dialect.POSTGRES, request, tmp_path) as opened, opened.transaction() as transaction:
        for name in queries():
            numbers: dict[str, int] = {}

            def numbered(found: re.Match[str], numbers: dict[str, int] = numbers) -> str:
                return f"${numbers.setdefault(found[1], len(numbers) + 1)}"

            transaction.execute(f"PREPARE {name} AS {re.sub(r'(?<!:):([a-z_]+)', numbered, queries()[name])}")


def take_turns_at_a_list(view: View) -> None:
    first, second = (ledger.ScopeKey(run_id, "rfis", PROJECT) for run_id in ("r1", "r2"))
    readers = {first: Calls(priority=Priority.BACKFILL), second: Calls(priority=Priority.SCHEDULED)}
    assert [leases.take_lease(view, key, readers) for key in (first, second, first)] == [True, False, True]
    assert readers[first].priority is Priority.SCHEDULED
    assert leases.take_lease(view, second._replace(scope=COMPANY), readers)
    leases.release_lease(view, first)
    assert [leases.take_lease(view, key, readers) for key in (second, first)] == [True, False]
    del readers[second]
    assert [leases.take_lease(view, key, readers) for key in (first, first)] == [True, True]
    leases.release_lease(view, first)


def remember_a_run(view: View) -> None:
    queue.enqueue_tick(view, "field", NOON, trigger="schedule", now=NOON)
    tick = queue.queued_runs(view)[0]
    assert (tick.job, tick.scheduled_at, tick.streams) == ("field", NOON, None)
    request = RunRequest("rfis", ["rfis"], [7], since=date(2026, 1, 1), run_id="r1", trigger="backfill")
    queue.enqueue_run(view, request)
    assert queue.queued_runs(view)[1] == request
    assert queue.last_tick(view, "field", NOON) == NOON

    ledger.open_run(view, ledger.RunRow("r1", "rfis", "backfill", NOON))
    ledger.open_run(view, ledger.RunRow("r2", "rfis", "manual", LATER))

    take_turns_at_a_list(view)
    ledger.record_plan(view, "r1", ahead=2)
    key = ledger.ScopeKey("r1", "rfis", PROJECT)
    ledger.open_scope(view, key, Window(None, NOON), NOON)
    ledger.widen_scope(view, key, Window(NOON, LATER))
    ledger.record_page(view, key, ledger.PageCounts(10, 9, 3, 2))
    journal.quarantine_records(view, key, [("no key", "{}")] * 2, NOON)
    assert ledger.scope_counts(view, key) == (10, 9, 3, 2, 2)
    ledger.restart_scope(view, key)
    journal.quarantine_records(view, key, [("no key", "{}")], NOON)
    assert ledger.scope_counts(view, key) == (0, 0, 3, 2, 1)
    assert following.run_so_far(view, "r1") == (NOON, None, None, 2, 0)
    (under_way, _) = history.runs_under_way(view)
    assert (under_way.run_id, under_way.started_at, under_way.partitions, under_way.moved_at) == ("r1", NOON, 2, NOON)

    ledger.close_scope(view, key, Verdict.COMPLETE, total=10, requests=2, error=None, finished_at=LATER)
    (finished,) = following.scopes_finished(view, "r1")
    assert (finished.verdict, finished.finished_at) == (Verdict.COMPLETE, LATER)
    assert not ledger.was_read_whole(view, key)
    skipped.record_skipped(view, "r1", {("rfis", skipped.SkipReason.NOT_DUE): 4})
    assert skipped.run_skipped(view, "r1") == [("rfis", skipped.SkipReason.NOT_DUE, 4)]
    assert skipped.skipped_by_day(view, NOON.date()) == {NOON.date(): {skipped.SkipReason.NOT_DUE: 4}}

    ledger.close_run(view, "r1", Outcome.INTERRUPTED, finished_at=LATER, error="cut", failure=ValueError())
    totals = ledger.run_totals(view, "r1")
    assert (totals.outcome, totals.rows.quarantined, totals.failure) == (Outcome.INTERRUPTED, 1, "ValueError")
    assert [line.verdict for line in ledger.run_scopes(view, "r1")] == [Verdict.COMPLETE]
    ledger.close_abandoned_runs(view, LATER)
    queue.resume_interrupted(view, LATER)
    assert [run.streams for run in queue.queued_runs(view)] == [None, ["rfis"]]
    assert [line.run_id for line in history.latest_runs(view, 9)][2:] == ["r2", "r1"]
    assert [line.finished_at for line in history.runs_ended_since(view, LATER)] == [LATER, LATER]
    found = history.find_run(view, "r1")
    assert found is not None
    assert (found.scheduled_at, found.started_at, found.outcome) == (None, NOON, Outcome.INTERRUPTED)


def remember_scopes(view: View) -> None:
    for scope in (ACCOUNT, COMPANY, PROJECT):
        checkpoints.move_checkpoint(view, "rfis", scope, checkpoints.Checkpoint(LATER, LATER, "r1"))
    checkpoints.move_checkpoint(view, "rfis", PROJECT, checkpoints.Checkpoint(NOON, LATER, "r1"))
    assert checkpoints.read_checkpoint(view, "rfis", PROJECT) == (LATER, LATER, "r1", NOON)
    back = checkpoints.Checkpoint(NOON, LATER, "r1")
    checkpoints.move_checkpoint(view, "rfis", PROJECT, back, may_go_back=True)
    assert [line.mark for line in history.all_checkpoints(view)] == [LATER, LATER, NOON]
    (latest,) = history.latest_scopes(view)
    assert (latest.mark, latest.finished_at, latest.verdict) == (NOON, LATER, Verdict.COMPLETE)
    assert history.latest_by_scope(view)["rfis", PROJECT].requests == 2

    read = last_reads.LastRead(NOON, date(2026, 2, 1))
    last_reads.record_last_read(view, "rfis", PROJECT, last_reads.ReadDepth.EXTENDED, read)
    assert last_reads.read_last_reads(view, "rfis", PROJECT) == dict.fromkeys(
        (last_reads.ReadDepth.INCREMENTAL, last_reads.ReadDepth.EXTENDED), read
    )
    deletes.record_signal(view, "rfis", PROJECT, deletes.Signal(NOON, refused=True))
    assert deletes.read_signal(view, "rfis", PROJECT) == (NOON, True)
    key = ledger.ScopeKey("r1", "rfis", PROJECT)
    for _ in range(2):
        volatile.record_reading(view, key, known=20, updated=20, fields={"seen": 20}, version=None)
    assert volatile.unstable_streams(view) == [("rfis", 20, ["seen"])]
    volatile.record_reading(view, key, known=20, updated=0, fields={}, version=None)
    assert volatile.unstable_streams(view) == []

    last_reads.record_parents_read(view, "rfis", PROJECT, {"1": "h1", "2": "h2"})
    refusal = permissions.ParentRefusal("h2", permissions.RefusalKind.NOT_FOUND, LATER)
    permissions.record_parents_refused(view, "rfis", PROJECT, {"2": refusal}, "404", NOON)
    volatile.rehash_parents(view, {"h2": "h3"})
    assert last_reads.parents_read(view, "rfis", PROJECT) == {"1": "h1", "2": "h3"}
    assert permissions.parents_refused(view, "rfis", PROJECT) == {"2": refusal._replace(row_hash="h3")}
    last_reads.forget_parents_read(view, "rfis", PROJECT, ["1", "2"])
    permissions.forget_parents_refused(view, "rfis", PROJECT, ["2"])
    assert view.execute("SELECT * FROM _parents") == []

    refused = permissions.Refusal("rfis", PROJECT, permissions.RefusalKind.FORBIDDEN, "403", NOON, NOON, LATER)
    permissions.record_refusal(view, refused)
    permissions.record_refusal(view, refused._replace(refused_at=LATER, probed_at=LATER))
    assert permissions.read_refusals(view) == [refused._replace(probed_at=LATER)]
    permissions.forget_refusal(view, "rfis", PROJECT)
    assert permissions.read_refusals(view) == []

    history.reset_checkpoints(view, "rfis", PROJECT.project_id)
    assert checkpoints.read_checkpoint(view, "rfis", PROJECT) is None
    assert last_reads.read_last_reads(view, "rfis", PROJECT) == {}
    assert deletes.read_signal(view, "rfis", PROJECT) is None
    history.reset_checkpoints(view, "rfis", None)
    assert history.all_checkpoints(view) == []


def remember_records(view: View) -> None:
    key = ledger.ScopeKey("r2", "rfis", PROJECT)
    ledger.open_scope(view, key, Window(None, LATER), LATER)
    change = journal.FieldChange("7", "status", "open", "closed", "2026-03-02T10:00:00Z")
    journal.record_field_changes(view, key, [change], NOON)
    journal.record_schema_changes(view, key, [("due_date", "type_changed")] * 2, NOON)
    assert journal.drifted_fields(view) == {"rfis": ["due_date"]}
    journal.quarantine_records(view, key, [("no key", "{}"), ("other", "[]")], LATER)
    assert journal.quarantined_streams(view) == [("rfis", 2, 1, NOON, "no key")]
    ledger.close_scope(view, key, Verdict.INEXACT, total=None, requests=1, error="set aside", finished_at=LATER)
    journal.forget_healed(view, ledger.ScopeKey("r3", "rfis", PROJECT))
    assert journal.quarantined_streams(view) == []

    view.insert("_key_sets", ("key_set", "key"), [(1, "7"), (1, "8"), (2, "8"), (2, "9")])
    deletes.hold_deletes(view, key, DeleteEvidence.LISTING, 1)
    assert deletes.held_deletes(view) == [("rfis", *PROJECT, 2, LATER, DeleteEvidence.LISTING, "r2")]
    assert deletes.held_keys(view, "rfis", PROJECT) == ["7", "8"]
    assert deletes.is_any_held(view, "rfis", PROJECT)
    assert not deletes.is_any_held(view, "rfis", COMPANY)
    again = ledger.ScopeKey("r3", "rfis", PROJECT)
    assert deletes.add_agreed(view, again, DeleteEvidence.SIGNAL, gone=2, agreed=3) == 1
    assert view.execute("SELECT key FROM _key_sets WHERE key_set = 2") == [("9",)]
    assert deletes.add_agreed(view, key, DeleteEvidence.SIGNAL, gone=1, agreed=4) == 0
    deletes.drop_unheld(view, "rfis", PROJECT, 2)
    assert view.execute("SELECT key FROM _key_sets WHERE key_set = 2") == []
    deletes.release_held(view, "rfis", PROJECT, 3)
    assert deletes.held_keys(view, "rfis", PROJECT) == ["7"]
    deletes.release_other_held(view, "rfis", PROJECT, 3)
    assert not deletes.is_any_held(view, "rfis", PROJECT)


def remember_streams(view: View) -> None:
    page_sizes.record_page_size(view, "rfis", 100, NOON)
    assert page_sizes.read_page_sizes(view, NOON) == {"rfis": 100}
    assert page_sizes.read_page_sizes(view, LATER) == {}
    assert volatile.learn_volatile_paths(view, "rfis", ["b", "a"]) == {"a", "b"}
    assert volatile.all_volatile_paths(view) == {"rfis": ["a", "b"]}


def remember_the_rest(view: View) -> None:
    for _ in range(2):
        calls.record_calls(view, {CallLine(NOON.date(), COMPANY.company_id, None, ALL_CALLS): 3})
    assert calls.calls_since(view, NOON.date()) == {CallLine(NOON.date(), COMPANY.company_id, None, ALL_CALLS): 6}

    hour = allowance.StoredWindow(allowance.HOUR, 3600, 3600, 2880, 412, 700, LATER, None, NOON)
    known = allowance.StoredAllowance([hour], {NOON: 12})
    allowance.write_allowance(view, known)
    assert allowance.read_allowance(view) == known
    assert allowance.allowance_lifted_at(view) is None
    allowance.lift_allowance(view, LATER)
    assert allowance.allowance_lifted_at(view) == LATER

    assert backfills.begin_backfill(view, "b", date(2026, 3, 1)) == date(2026, 3, 1)
    assert backfills.begin_backfill(view, "b", date(2026, 3, 2)) == date(2026, 3, 1)
    for _ in range(2):
        backfills.record_backfilled_part(view, "b", "rfis", PROJECT, "2026-02", "r1")
    assert backfills.backfilled_parts(view, "b", "rfis", PROJECT) == {"2026-02"}
    backfills.forget_backfill(view, "b")
    assert backfills.backfill_until(view, "b") is None
    assert backfills.backfilled_parts(view, "b", "rfis", PROJECT) == set()

    here = origin.Origin("login", "api")
    origin.record_origin(view, here)
    origin.record_origin(view, origin.Origin("other", "api"))
    assert origin.read_origin(view) == here
    origin.forget_origin(view)
    assert origin.read_origin(view) is None

    whole = ledger.ScopeKey("r2", "drawings", PROJECT)
    ledger.open_scope(view, whole, Window(None, LATER), NOON)
    assert not ledger.was_read_whole(view, whole)
    ledger.close_scope(view, whole, Verdict.COMPLETE, total=0, requests=1, error=None, finished_at=LATER)
    assert ledger.was_read_whole(view, whole)


def test_every_statement_runs_and_what_is_remembered_comes_back_as_it_was(opened: Ledger) -> None:
    ran: set[str] = set()
    recorded = RecordedLedger(opened, ran)
    parts: list[Callable[[View], None]] = [
        remember_a_run, remember_scopes, remember_records, remember_streams, remember_the_rest,
    ]  # fmt: skip
    for part in parts:
        with recorded.transaction() as view:
            part(view)

    year = timedelta(days=365)
    kept = retention.Retention(runs=year, scopes=timedelta(days=14))
    assert retention.prune(recorded, kept, NOON + 2 * year, threading.Event()) == 1
    with opened.reader() as reader:
        assert [line.run_id for line in history.runs_ended_since(reader, NOON)] == ["r2"]

    assert {name for name, sql in queries().items() if sql not in ran} == set()
