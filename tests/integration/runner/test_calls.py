"""The calls that are counted, beside those that Procore's own log has."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from datetime import timedelta

from procore_simulator.faults import Fault
from support.worker import Install, Installation, advance
from sync_worker.errors import StopRequested

UNDOCUMENTED = {
    "our_own": {"path": "/rest/v1.0/projects/{project_id}/our_own", "scope": "project", "primary_key": ["id"]}
}
OBSERVATIONS = {"403s": 403, "404s": 404, "429s": 429, "401s": 401}


def counted(here: Installation, *, by: str = "kind") -> Counter[str]:
    """Return calls by kind, or the calls of all kinds by something else."""
    kinds = "" if by == "kind" else "WHERE kind = 'all'"
    return Counter(dict(here.query(f"SELECT coalesce({by}, '-'), sum(calls) FROM _calls {kinds} GROUP BY 1")))


def logged(here: Installation) -> Counter[str]:
    """Return the same from Procore's log."""
    calls = [request for request in here.simulator.requests if not request.path.startswith("/oauth/")]
    found = Counter({name: sum(call.status == status for call in calls) for name, status in OBSERVATIONS.items()})
    found["all"] = len(calls)
    found["succeeded"] = sum(200 <= call.status < 300 for call in calls)
    found["without_company_header"] = sum(call.company_id is None for call in calls)
    found["undocumented"] = sum(call.path.endswith("/our_own") for call in calls)
    found["deprecated"] = sum(call.path.endswith("/standard_cost_code_lists") for call in calls)
    return +found


def test_what_is_counted_is_what_procore_saw(install: Install) -> None:
    here = install(projects=2, config={"streams": UNDOCUMENTED})
    one, other = here.simulator.world.project_ids
    here.simulator.permissions.forbid("Construction Financials/Budget", one)
    here.simulator.permissions.hidden_status = 404
    here.simulator.faults.add(
        Fault(path="*/rfis*", status=401),
        Fault(path="*/submittals*", status=429, headers={"Retry-After": "2"}),
        Fault(path="*/punch_items*", status=500),
        Fault(path="*/meetings*", reset=True),
        Fault(path="*/observations*", cut_after_bytes=1),
    )
    here.run(
        "rfis", "submittals", "punch_items", "meetings", "observations", "budget_views", "standard_cost_code_lists"
    )
    here.simulator.permissions.hide_project(other)
    advance(here.simulator, timedelta(days=1).total_seconds())
    here.run("rfis", "our_own")

    found = counted(here)
    log = logged(here)
    # What was cut is no success to us; Procore cannot know.
    log["succeeded"] -= 1
    assert found == log
    assert {name for name in OBSERVATIONS if log[name]} == {"401s", "403s", "404s", "429s"}
    assert log["undocumented"] > 0
    assert log["deprecated"] > 0
    days = Counter(
        str(request.at.date()) for request in here.simulator.requests if not request.path.startswith("/oauth/")
    )
    assert counted(here, by="day") == days
    assert len(days) == 2
    assert counted(here, by="company_id") == {here.simulator.company_id: log["all"]}


def test_each_call_is_counted_for_its_stream_and_a_run_is_what_it_spent(install: Install) -> None:
    here = install(projects=2, most_per_page=5)
    report = here.run("rfis", "tag:directory", "budget_views")

    expected = Counter(
        "project_tools" if request.path.endswith("/tools") else str(request.stream)
        for request in here.simulator.requests
        if not request.path.startswith("/oauth/")
    )
    assert counted(here, by="stream") == expected
    assert expected.total() == report.totals.requests


def test_calls_are_counted_once_whichever_way_a_run_ends(install: Install) -> None:
    here = install(projects=2)
    here.run("companies")
    with closing(sqlite3.connect(here.database)) as connection:
        connection.execute(
            "CREATE TRIGGER full BEFORE UPDATE OF verdict ON _run_scopes WHEN new.stream = 'punch_items'"
            " BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
        )
    refused = here.run("rfis", "punch_items", "submittals")
    assert refused.failure is not None
    assert counted(here) == logged(here)

    with closing(sqlite3.connect(here.database)) as connection:
        connection.execute("DROP TRIGGER full")
    here.simulator.faults.add(Fault(path="*/rfis*", status=500, times=1000))
    here.run("rfis")
    assert counted(here) == logged(here)
    here.simulator.tokens.revoke()
    assert not isinstance(here.run("rfis").failure, StopRequested)
    assert counted(here) == logged(here)
