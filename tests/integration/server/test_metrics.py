"""What `/metrics` says, beside the database that it says it of."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.requests import Request
from starlette.responses import Response

from support.clock import ManualClock
from support.worker import Installation, installing
from sync_worker.catalog import STREAMS
from sync_worker.destination.protocol import Transaction
from sync_worker.destination.sqlite import SqliteDestination
from sync_worker.errors import DestinationError
from sync_worker.model import Outcome, Scope
from sync_worker.planning.partitions import Partition
from sync_worker.server.metrics import METRICS, metrics_page
from sync_worker.state.allowance import HOUR, SPIKE, StoredAllowance, StoredWindow, write_allowance
from sync_worker.state.ledger import RunRow, close_run, open_run

BUDGET = "Construction Financials/Budget"
Numbers = Mapping[tuple[str, tuple[str, ...]], float]


def numbers(page: Callable[[Request], Response]) -> Numbers:
    """Every sample by its name and the values of its labels."""
    text = bytes(page(Request({"type": "http"})).body).decode()
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def of(found: Numbers, name: str) -> dict[tuple[str, ...], float]:
    return {labels: value for (named, labels), value in found.items() if named == name}


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Installation]:
    """Provide an installation that has read its companies and nothing else."""
    with installing(tmp_path) as install:
        made = install()
        made.run("companies")
        yield made


def nothing_expected(_view: Transaction) -> list[Partition]:
    return []


def test_the_numbers_are_those_of_the_database(here: Installation) -> None:
    page = metrics_page(
        SqliteDestination(here.database),
        here.clock,
        expected=lambda _: [Partition(STREAMS["companies"], Scope()), Partition(STREAMS["rfis"], Scope(1, 2))],
        calls=lambda: {"2xx": 7, "none": 1},
        heartbeat_age=lambda: 1.5,
    )
    here.simulator.permissions.forbid(BUDGET)
    report = here.run("rfis", "budget_views", "punch_items")
    found = numbers(page)

    rows = report.totals.rows
    assert found["procore_sync_runs_total", ("by_hand", "succeeded")] >= 1
    assert of(found, "procore_sync_rows_total")["inserted",] >= rows.inserted > 0
    latest = (
        "SELECT verdict, count(*) FROM _run_scopes AS s JOIN _scope_state AS l USING (stream, scope_key)"
        " WHERE s.run_id = l.verdict_run_id GROUP BY 1"
    )
    assert of(found, "procore_sync_scopes") == {(verdict,): count for verdict, count in here.query(latest)}
    counted = of(found, "procore_sync_expected_lists")
    assert {state: count for (state,), count in counted.items() if count} == {"complete": 1, "never_read": 1}
    fresh = of(found, "procore_sync_freshness_seconds")
    assert set(fresh) == {("companies",), ("projects",), ("rfis",), ("punch_items",)}
    assert all(0 <= seconds < 120 for seconds in fresh.values())
    assert of(found, "procore_sync_calls_total") == {("2xx",): 7, ("none",): 1}
    assert found["procore_sync_heartbeat_age_seconds", ()] == 1.5
    assert found["procore_sync_health_share", ("403s",)] > found["procore_sync_health_share", ("404s",)] == 0
    assert found["procore_sync_database_readable", ()] == 1
    assert not any(str(project) in labels for project in here.simulator.world.project_ids for _, labels in found)


def test_runs_are_counted_once_each_whatever_retention_takes_away(here: Installation) -> None:
    destination = SqliteDestination(here.database)
    page = metrics_page(destination, here.clock, expected=nothing_expected, calls=dict, heartbeat_age=lambda: None)
    before = sum(of(numbers(page), "procore_sync_runs_total").values())

    def ended(run_id: str, minutes: int) -> None:
        at = here.clock.now() + timedelta(minutes=minutes)
        with destination.short_write() as transaction:
            open_run(transaction, RunRow(run_id, "nightly", "schedule", at - timedelta(seconds=90)))
            close_run(transaction, run_id, Outcome.PARTIAL, finished_at=at, error=None)

    ended("late", 20)
    first = numbers(page)
    with destination.short_write() as transaction:
        transaction.execute("DELETE FROM _runs WHERE run_id = 'late'")
    ended("later", 40)
    numbers(page)
    # Committed after one that ended later.
    ended("tardy", 38)
    ended("old", -40)
    second, third = numbers(page), numbers(page)

    assert first["procore_sync_runs_total", ("nightly", "partial")] == 1
    assert second["procore_sync_runs_total", ("nightly", "partial")] == 3
    assert second["procore_sync_run_seconds_sum", ("nightly",)] == 270
    assert second["procore_sync_run_seconds_count", ("nightly",)] == 3
    assert of(third, "procore_sync_runs_total") == of(second, "procore_sync_runs_total")
    assert sum(of(third, "procore_sync_runs_total").values()) == before + 3


def test_without_a_database_the_page_says_so_and_shows_the_rest(tmp_path: Path) -> None:
    page = metrics_page(
        SqliteDestination(tmp_path / "none.db"),
        ManualClock(),
        expected=nothing_expected,
        calls=lambda: {"4xx": 2},
        heartbeat_age=lambda: 3.0,
    )
    found = numbers(page)

    assert found["procore_sync_database_readable", ()] == 0
    assert found["procore_sync_calls_total", ("4xx",)] == 2
    assert of(found, "procore_sync_scopes") == {}


class Locked:
    """A database that somebody else locks until he is done."""

    def __init__(self) -> None:
        self.asked, self.done = threading.Event(), threading.Event()

    def reader(self) -> AbstractContextManager[Transaction]:
        self.asked.set()
        self.done.wait()
        raise DestinationError("database is locked")


def test_while_one_scrape_waits_for_a_locked_database_the_next_one_is_answered_without_it() -> None:
    ledger = Locked()
    page = metrics_page(
        ledger,
        ManualClock(),
        expected=nothing_expected,
        calls=lambda: {"2xx": 2},
        heartbeat_age=lambda: 3.0,
        patience_seconds=0.01,
    )
    waits = threading.Thread(target=numbers, args=(page,))
    waits.start()
    try:
        ledger.asked.wait()
        found = numbers(page)
    finally:
        ledger.done.set()
        waits.join()

    assert found["procore_sync_database_readable", ()] == 0
    assert found["procore_sync_calls_total", ("2xx",)] == 2


def test_names_are_declared_once_and_none_has_a_project_in_it() -> None:
    assert len({metric.name for metric in METRICS}) == len(METRICS)
    assert all(metric.name.startswith("procore_sync_") and "project" not in metric.labels for metric in METRICS)


def test_the_allowance_is_told_while_its_window_lasts(here: Installation) -> None:
    destination, now = SqliteDestination(here.database), here.clock.now()
    over, ahead = now - timedelta(minutes=1), now + timedelta(seconds=100)
    windows = (
        StoredWindow(HOUR, 3600, 3600, 2880, 700, 2900, ahead, ahead, now),
        StoredWindow(SPIKE, 10, 25, 20, 0, 3, over, over, now),
    )
    with destination.short_write() as transaction:
        write_allowance(transaction, StoredAllowance(windows, {over: 700, now - timedelta(hours=2): 5}))
    found = numbers(
        metrics_page(destination, here.clock, expected=nothing_expected, calls=dict, heartbeat_age=lambda: None)
    )
    here.config["procore"] = {"client_id": "${UNSET}", "client_secret": "${UNSET}"}
    shown, told = here.command("status").stdout, json.loads(here.command("status", "--json").stdout)["allowance"]

    assert of(found, "procore_sync_allowance_limit") == {("hour",): 3600, ("spike",): 25}
    assert of(found, "procore_sync_allowance_remaining") == {("hour",): 2900}
    assert found["procore_sync_allowance_used_this_hour", ()] == 700
    assert 90 < found["procore_sync_allowance_waiting_seconds", ()] <= 100
    assert "\nallowance     2900 of 3600 an hour left, 2880 of them ours; 25 in 10 s, 20 of them ours\n" in shown
    assert re.search(r"^waiting       1 min more for the allowance, until ", shown, re.MULTILINE)
    assert [(it["period"], it["limit"], it["granted"], it["used"], it["remaining"]) for it in told["windows"]] == [
        ("hour", 3600, 2880, 700, 2900), ("spike", 25, 20, 0, 3)
    ]  # fmt: skip
    assert told["waits_until"] == ahead.strftime("%Y-%m-%dT%H:%M:%SZ") == told["windows"][0]["waits_until"]
