"""What the ledger says of a run, whichever way it ended."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from datetime import datetime

import pytest

from procore_simulator.faults import Fault
from support.clock import WorkerClock
from support.oracle import differences, readable_projects
from support.worker import A_FEW, Install, advance, incomplete
from sync_worker.app import open_worker
from sync_worker.catalog import STREAMS
from sync_worker.catalog.spec import SyncMode
from sync_worker.client.retry import RetryPolicy
from sync_worker.errors import AuthError, StopRequested, UnreachableError
from sync_worker.model import Outcome, RunRequest

COLUMNS = {
    "_runs": "run_id, job, trigger, scheduled_at, started_at, finished_at, outcome, requests, rows_seen, inserted, "
    "updated, unchanged, deleted, quarantined, error",
    "_run_scopes": "run_id, stream, company_id, project_id, window_from, window_to, verdict, total, rows_seen, "
    "distinct_keys, pages, requests, inserted, updated, unchanged, deleted, error, started_at, finished_at",
    "_checkpoints": "stream, company_id, project_id, mark, completed_at, run_id",
    "_schema_changes": "stream, field, kind, run_id, seen_at",
    "_quarantine": "stream, company_id, project_id, run_id, at, reason, record",
}
TOLD_BY_THE_TOOL = {
    name for name, spec in STREAMS.items() if spec.deletes is not None and spec.mode is SyncMode.INCREMENTAL
}
SUMS = "requests, rows_seen, inserted, updated, unchanged, deleted"


def test_the_tables_of_the_ledger_have_the_promised_columns(install: Install) -> None:
    here = install()
    here.run("companies")

    for table, columns in COLUMNS.items():
        assert ", ".join(row[1] for row in here.query(f"PRAGMA table_info({table})")) == columns


def test_a_run_is_the_sum_of_its_scopes_and_its_scopes_are_what_was_asked(install: Install) -> None:
    here = install(most_per_page=10)
    here.run()
    here.simulator.requests.clear()

    report = here.run()

    added = ", ".join(f"sum({name})" for name in SUMS.split(", "))
    assert here.query(f"SELECT {SUMS} FROM _runs WHERE run_id = ?", report.run_id) == here.query(
        f"SELECT {added} FROM _run_scopes WHERE run_id = ?", report.run_id
    )
    calls = [request for request in here.simulator.requests if not request.path.startswith("/oauth/")]
    assert report.totals.requests == len(calls)
    for line in report.scopes:
        assert line.rows_seen == line.inserted + line.updated + line.unchanged
    read = "SELECT stream, requests - pages FROM _run_scopes WHERE run_id = ? AND distinct_keys = rows_seen"
    beside = here.query(read, report.run_id)
    assert len(beside) == len(report.scopes)
    assert {stream for stream, more in beside if more} == TOLD_BY_THE_TOOL
    (row,) = here.query("SELECT job, trigger, outcome, error FROM _runs WHERE run_id = ?", report.run_id)
    assert row == ("by_hand", "manual", "succeeded", None)


def test_a_run_that_is_stopped_before_its_first_call_is_interrupted_and_the_next_completes(install: Install) -> None:
    here = install(streams=A_FEW)
    stop = threading.Event()
    stop.set()

    report = here.run(stop=stop)

    assert report.totals.outcome is Outcome.INTERRUPTED
    assert isinstance(report.failure, StopRequested)
    assert list(here.simulator.requests) == []
    assert incomplete(here.run()) == []
    assert differences(here.simulator, here.database) == []


def test_a_killed_run_is_closed_as_interrupted_with_what_it_had_done(install: Install) -> None:
    here = install(streams=A_FEW)
    done = here.run()
    with closing(sqlite3.connect(here.database, isolation_level=None)) as connection:
        # What a process leaves behind that is killed just before it would have written the outcome.
        connection.execute(
            "UPDATE _runs SET outcome = NULL, finished_at = NULL, requests = 0, rows_seen = 0, inserted = 0"
        )

    here.run("companies")

    ((outcome, error, finished_at, *sums),) = here.query(
        f"SELECT outcome, error, finished_at, {SUMS} FROM _runs WHERE run_id = ?", done.run_id
    )
    assert (outcome, error) == ("interrupted", "the process ended without finishing")
    assert datetime.fromisoformat(finished_at).tzinfo is not None
    assert sums == [done.totals.requests, done.totals.rows.seen, done.totals.rows.inserted, 0, 0, 0]


class StopsInsteadOfWaiting(WorkerClock):
    """Whoever waits is asked to stop."""

    def wait(self, event: threading.Event, seconds: float) -> bool:  # noqa: ARG002 - a clock's signature
        event.set()
        return True


def test_a_list_that_was_cut_short_is_read_from_its_first_page(install: Install) -> None:
    here = install(projects=1, most_per_page=3, scale=0.5)
    (project,) = readable_projects(here.simulator)
    here.run("rfis")
    advance(here.simulator, 3600)
    rfis = [truth.record["id"] for truth in here.simulator.world.records("rfis", project_id=project)]
    for rfi in rfis:
        here.simulator.world.update("rfis", rfi, {"subject": "edited"})
    here.simulator.faults.add(Fault(path="*/rfis[?]*page=3&*", status=500))
    here.simulator.requests.clear()
    mark, usual = here.marks()["rfis", project], here.clock
    here.clock = StopsInsteadOfWaiting(here.simulator.world.clock)

    cut = here.run("rfis")
    assert (cut.totals.outcome, cut.totals.rows.updated) == (Outcome.INTERRUPTED, 6)
    assert here.marks()["rfis", project] == mark
    here.simulator.world.delete("rfis", rfis[0])
    here.simulator.world.update("rfis", rfis[6], {"subject": "and now on page 2"})
    here.clock = usual
    advance(here.simulator, 3600)
    again = here.run("rfis")

    asked = [it for it in here.asked("rfis") if "recycle_bin" not in it.path]
    pages = -(-(len(rfis) - 1) // 3)
    assert [it.page for it in asked][: 3 + pages] == [1, 2, 3, *range(1, pages + 1)]
    assert len({it.query["filters[updated_at]"].partition("...")[0] for it in asked}) == 1
    assert again.totals.rows.updated == len(rfis) - 6
    assert differences(here.simulator, here.database, streams=["rfis"], deletes=True) == []


def test_a_refused_credential_ends_the_run_at_its_first_call(install: Install) -> None:
    here = install(streams=A_FEW)
    here.config = {"procore": {"client_secret": "not-the-secret-at-all"}}

    report = here.run()

    assert report.totals.outcome is Outcome.FAILED
    assert [request.path for request in here.simulator.requests] == ["/oauth/token"]
    assert "not-the-secret-at-all" not in str(report)


def test_a_token_revoked_in_mid_run_costs_nothing_but_a_new_one(install: Install) -> None:
    here = install(streams=A_FEW, projects=3, token_lifetime_seconds=5400)
    here.run("companies")
    here.simulator.faults.add(Fault(path="*/submittals[?]*", status=401, body='{"message": "Unauthorized"}'))

    report = here.run()

    assert incomplete(report) == []
    assert differences(here.simulator, here.database) == []


def test_what_an_early_end_leaves_unread_is_told_and_was_not_asked_for(install: Install) -> None:
    here = install(streams=A_FEW, projects=3)
    whole = {(line.stream, line.company_id, line.project_id) for line in here.run().scopes}
    here.simulator.faults.add(
        Fault(path="/rest/*", after=8, times=1_000, status=401, body='{"message": "Unauthorized"}')
    )
    asked_before = len(here.simulator.requests)

    report = here.run()

    assert isinstance(report.failure, AuthError)
    assert report.totals.outcome is Outcome.PARTIAL
    assert {(line.stream, line.company_id, line.project_id) for line in report.scopes} == whole
    untried = [line for line in report.scopes if (line.error or "").startswith("not tried: ")]
    assert {(line.verdict, line.requests) for line in untried} == {("failed", 0)}
    assert len(here.simulator.requests) - asked_before < len(whole)


@pytest.mark.parametrize("address", ["login_url", "api_url"])
def test_a_host_that_does_not_answer_ends_the_run_within_half_a_minute_of_waiting(
    install: Install, address: str
) -> None:
    here = install(streams=A_FEW)
    here.retry_policy = RetryPolicy()
    here.config = {"procore": {address: "http://127.0.0.1:9"}}
    before = here.simulator.tokens.granted

    report = here.run()

    assert isinstance(report.failure, UnreachableError)
    assert report.totals.outcome is Outcome.FAILED
    assert [(line.stream, line.verdict) for line in report.scopes] == [("companies", "failed")]
    assert sum(here.clock.waits) < 30  # type: ignore[attr-defined]
    assert here.simulator.tokens.granted - before == (address == "api_url")


def test_nobody_answering_any_more_ends_the_run_and_keeps_what_came(install: Install) -> None:
    here = install(streams=A_FEW, projects=4)
    project = readable_projects(here.simulator)[-1]
    here.simulator.faults.add(Fault(path=f"*/{project}/rfis[?]*", reset=True, times=1_000))

    report = here.run()

    assert ("rfis", project) in {(stream, at) for stream, at, _, _ in incomplete(report)}
    assert report.totals.outcome is Outcome.PARTIAL
    assert report.totals.rows.inserted > 0


def test_a_run_waits_for_the_allowance_and_then_goes_on(install: Install) -> None:
    here = install()
    here.simulator.faults.add(Fault(path="*/rfis[?]*", status=429, headers={"Retry-After": "600"}))

    report = here.run("rfis")

    assert incomplete(report) == []
    assert sum(here.clock.waits) > 590  # type: ignore[attr-defined]
    assert report.totals.requests == len([it for it in here.simulator.requests if it.path != "/oauth/token"])


def test_two_runs_of_one_worker_share_its_database_and_its_token(install: Install) -> None:
    here = install()

    with open_worker(
        here.settings(),
        stop=threading.Event(),
        on_new_secret=lambda _: None,
        clock=here.clock,
        retry_policy=RetryPolicy(attempts=1),
    ) as worker:
        first = worker.run(RunRequest("one", ["rfis"]))
        second = worker.run(RunRequest("two", ["*"]))

    assert here.query("SELECT job FROM _runs WHERE run_id IN (?, ?) ORDER BY job", first.run_id, second.run_id) == [
        ("one",),
        ("two",),
    ]
    assert here.simulator.tokens.granted == 1
    assert differences(here.simulator, here.database) == []
