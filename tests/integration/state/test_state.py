from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.ledgers import sqlite_ledger
from sync_worker.clock import utc_text
from sync_worker.destination.protocol import Transaction
from sync_worker.errors import DestinationError
from sync_worker.model import Outcome, RunRequest, Scope, Verdict, Window
from sync_worker.state.allowance import HOUR, SPIKE, StoredAllowance, StoredWindow, read_allowance, write_allowance
from sync_worker.state.backfills import backfill_until
from sync_worker.state.checkpoints import Checkpoint, move_checkpoint, read_checkpoint
from sync_worker.state.dialect import Dialect
from sync_worker.state.executor import View
from sync_worker.state.history import find_run
from sync_worker.state.instants import from_text
from sync_worker.state.journal import RECORDS_KEPT, quarantine_records
from sync_worker.state.ledger import (
    PageCounts,
    RunRow,
    ScopeKey,
    close_abandoned_runs,
    close_run,
    close_scope,
    open_run,
    open_scope,
    record_page,
    restart_scope,
    run_scopes,
    run_totals,
    scope_counts,
)
from sync_worker.state.migration import migrate
from sync_worker.state.queries import queries
from sync_worker.state.queue import enqueue_run, last_tick, queued_runs

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
COMPANY, PROJECT = Scope(4), Scope(4, 70)


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Transaction]:
    with sqlite_ledger(tmp_path) as destination, destination.transaction() as transaction:
        yield transaction


def test_migrating_twice_changes_nothing(sqlite: Transaction) -> None:
    before = sqlite.execute("SELECT name, sql FROM sqlite_master ORDER BY name")
    migrate(sqlite, Dialect.SQLITE)
    assert sqlite.execute("SELECT name, sql FROM sqlite_master ORDER BY name") == before


def plans(transaction: Transaction) -> Iterator[tuple[str, str, list[str]]]:
    """Every named statement, and how the database goes about it."""
    for name, sql in queries().items():
        named = dict.fromkeys(re.findall(r"(?<!:):([a-z_]+)", sql), None)
        yield name, sql, [str(step[3]) for step in transaction.execute(f"EXPLAIN QUERY PLAN {sql}", named)]


def test_every_named_statement_is_understood_by_the_database(sqlite: Transaction) -> None:
    assert {name for name, *_ in plans(sqlite)} == set(queries())


def test_no_statement_walks_through_the_lines_of_all_runs(sqlite: Transaction) -> None:
    """They are millions in a company of a hundred projects."""
    for name, sql, steps in plans(sqlite):
        called = {"_run_scopes", *re.findall(r"_run_scopes AS (\w+)", sql)}
        assert not [step for step in steps if step.split()[0] == "SCAN" and step.split()[1] in called], name


def test_a_scope_that_was_never_complete_has_no_checkpoint(transaction: View) -> None:
    assert read_checkpoint(transaction, "rfis", PROJECT) is None


def test_a_mark_moves_forward_and_never_back(transaction: View) -> None:
    for mark in (NOON, NOON + timedelta(hours=1), NOON - timedelta(days=1)):
        move_checkpoint(transaction, "rfis", PROJECT, Checkpoint(mark, NOON, "run-1"))
    found = read_checkpoint(transaction, "rfis", PROJECT)
    assert found is not None
    assert found.mark == NOON + timedelta(hours=1)


def test_the_marks_of_account_company_and_project_are_three(transaction: View) -> None:
    for hours, scope in enumerate((Scope(), COMPANY, PROJECT)):
        move_checkpoint(transaction, "rfis", scope, Checkpoint(NOON + timedelta(hours=hours), NOON, "run-1"))
    marks = [read_checkpoint(transaction, "rfis", scope) for scope in (Scope(), COMPANY, PROJECT)]
    assert [found and found.mark.hour for found in marks] == [12, 13, 14]


def test_a_run_sums_what_its_scopes_counted(transaction: View) -> None:
    open_run(transaction, RunRow("run-1", "sync_field", "manual", NOON))
    for scope in (COMPANY, PROJECT):
        key = ScopeKey("run-1", "rfis", scope)
        open_scope(transaction, key, Window(None, NOON), NOON)
        record_page(transaction, key, PageCounts(10, 10, 3, 2))
        quarantine_records(transaction, key, [("no key", "{}")], NOON)
        close_scope(transaction, key, Verdict.COMPLETE, total=10, requests=2, error=None, finished_at=NOON)
    close_run(transaction, "run-1", Outcome.SUCCEEDED, finished_at=NOON, error=None)
    totals = run_totals(transaction, "run-1")
    assert (totals.outcome, totals.requests) == (Outcome.SUCCEEDED, 4)
    rows = totals.rows
    assert (rows.seen, rows.inserted, rows.updated, rows.unchanged, rows.quarantined) == (20, 6, 4, 8, 2)


def test_a_repeated_sweep_counts_its_rows_anew_and_keeps_what_it_stored(transaction: View) -> None:
    open_run(transaction, RunRow("run-1", "sync_field", "manual", NOON))
    key = ScopeKey("run-1", "rfis", PROJECT)
    open_scope(transaction, key, Window(None, NOON), NOON)
    record_page(transaction, key, PageCounts(10, 9, 9, 0))
    restart_scope(transaction, key)
    record_page(transaction, key, PageCounts(10, 10, 1, 0))
    assert scope_counts(transaction, key)[:3] == (10, 10, 10)


def test_a_repeated_sweep_sets_the_same_records_aside_again_and_counts_them_once(transaction: View) -> None:
    open_run(transaction, RunRow("run-1", "sync_field", "manual", NOON))
    key, other = ScopeKey("run-1", "rfis", PROJECT), ScopeKey("run-1", "rfis", COMPANY)
    for sweep in (key, other):
        open_scope(transaction, sweep, Window(None, NOON), NOON)
        quarantine_records(transaction, sweep, [("no key", "{}")] * 2, NOON)
    restart_scope(transaction, key)
    quarantine_records(transaction, key, [("no key", "{}")], NOON)
    assert (scope_counts(transaction, key).quarantined, scope_counts(transaction, other).quarantined) == (1, 2)


def kept_records(transaction: View) -> Counter[tuple[str, str]]:
    return Counter((run_id, record) for run_id, record in transaction.execute("SELECT run_id, record FROM _quarantine"))


def quarantine(transaction: View, run_id: str, *records: str) -> None:
    key = ScopeKey(run_id, "rfis", PROJECT)
    quarantine_records(transaction, key, [("no key", record) for record in records], NOON)


def test_of_more_records_than_are_kept_those_of_the_newest_run_stay(transaction: View) -> None:
    half = RECORDS_KEPT // 2
    quarantine(transaction, "run-1", *["{}"] * RECORDS_KEPT)
    quarantine(transaction, "run-2", *["[]"] * half, *["{}"] * half)

    assert kept_records(transaction) == {("run-2", "[]"): half, ("run-2", "{}"): half}


def test_a_record_that_is_in_the_list_several_times_is_met_again_as_often(transaction: View) -> None:
    quarantine(transaction, "run-1", *["{}"] * 5)
    quarantine(transaction, "run-2", *["{}"] * 3)
    assert kept_records(transaction) == {("run-1", "{}"): 2, ("run-2", "{}"): 3}

    quarantine(transaction, "run-3", *["{}"] * 6)
    assert kept_records(transaction) == {("run-3", "{}"): 6}


def test_the_first_outcome_of_a_run_stands(transaction: View) -> None:
    open_run(transaction, RunRow("run-1", "sync_field", "manual", NOON))
    close_run(transaction, "run-1", Outcome.PARTIAL, finished_at=NOON, error="first")
    close_run(transaction, "run-1", Outcome.SUCCEEDED, finished_at=NOON, error=None)
    assert run_totals(transaction, "run-1").outcome is Outcome.PARTIAL


def test_a_run_whose_process_was_killed_is_closed_as_interrupted(transaction: View) -> None:
    open_run(transaction, RunRow("run-1", "sync_field", "manual", NOON))
    key = ScopeKey("run-1", "rfis", PROJECT)
    open_scope(transaction, key, Window(None, NOON), NOON)
    record_page(transaction, key, PageCounts(10, 10, 7, 0))
    close_abandoned_runs(transaction, NOON)
    totals = run_totals(transaction, "run-1")
    assert (totals.outcome, totals.rows.seen, totals.rows.inserted) == (Outcome.INTERRUPTED, 10, 7)


def test_an_interrupted_scope_has_no_verdict(transaction: View) -> None:
    open_run(transaction, RunRow("run-1", "sync_field", "manual", NOON))
    key = ScopeKey("run-1", "rfis", PROJECT)
    open_scope(transaction, key, Window(None, NOON), NOON)
    close_scope(transaction, key, None, total=None, requests=1, error="interrupted", finished_at=NOON)
    assert [(scope.verdict, scope.error) for scope in run_scopes(transaction, "run-1")] == [(None, "interrupted")]


@given(st.datetimes(timezones=st.just(UTC)).filter(lambda instant: 1000 <= instant.year < 9999))
def test_instants_survive_as_text_that_sorts_like_time(instant: datetime) -> None:
    assert from_text(utc_text(instant)) == instant.replace(microsecond=0)
    assert utc_text(instant) < utc_text(instant + timedelta(seconds=1))


def test_the_allowance_is_kept_as_it_was_last_known(transaction: View) -> None:
    assert read_allowance(transaction) == StoredAllowance([], {})
    hour = StoredWindow(HOUR, 3600, 3600, 2880, 412, 700, NOON + timedelta(minutes=20), None, NOON)
    spike = StoredWindow(SPIKE, 10, None, None, 0, None, None, NOON + timedelta(seconds=4), NOON)
    write_allowance(transaction, StoredAllowance([hour], {NOON - timedelta(minutes=70): 9}))

    known = StoredAllowance([hour, spike], {NOON - timedelta(minutes=61): 12, NOON - timedelta(minutes=2): 400})
    write_allowance(transaction, known)

    found = read_allowance(transaction)
    assert found == known
    assert found.window(SPIKE) == spike
    assert found.used_this_hour(NOON) == 400
    assert found.waits_until(NOON) == spike.waits_until
    assert found.waits_until(NOON + timedelta(seconds=4)) is None


@pytest.mark.parametrize(
    ("statement", "reading"),
    [
        ("UPDATE _runs SET requests = 'many'", lambda view: find_run(view, "r1")),
        ("UPDATE _runs SET started_at = 'yesterday'", lambda view: find_run(view, "r1")),
        ("INSERT INTO _backfills VALUES ('b', 'soon')", lambda view: backfill_until(view, "b")),
        (
            "INSERT INTO _runs (run_id, job, trigger, scheduled_at) VALUES ('2', 'nightly', 'scheduled', '01/03/26')",
            lambda view: last_tick(view, "nightly", NOON),
        ),
        ("UPDATE _run_details SET request = '{'", queued_runs),
    ],
    ids=["number", "instant", "day", "one value", "JSON"],
)
def test_a_value_that_was_edited_to_something_else_is_named_in_one_line(
    sqlite: Transaction, statement: str, reading: Callable[[Transaction], object]
) -> None:
    enqueue_run(sqlite, RunRequest("nightly", run_id="r1", streams=("rfis",)))
    sqlite.execute(statement)
    with pytest.raises(DestinationError, match="holds a wrong value") as refusal:
        reading(sqlite)
    assert "\n" not in str(refusal.value)
    assert "restore a backup" in str(refusal.value)
