"""What a schedule reads less often than it ticks."""

from __future__ import annotations

from collections import Counter

from procore_simulator.clocks import SteppedClock
from procore_simulator.faults import Fault
from procore_simulator.world import World
from support.oracle import readable_projects
from support.worker import A_FEW, Install, Installation, advance, incomplete, scope
from sync_worker.catalog import STREAMS
from sync_worker.catalog.spec import SyncMode
from sync_worker.model import Verdict

HOUR = 3600
CATALOG = {
    name: spec
    for name, spec in STREAMS.items()
    if name in A_FEW or (spec.mode is SyncMode.FULL_REFRESH and spec.parent is None)
}
LISTS = [
    spec.name
    for spec in CATALOG.values()
    if spec.mode is SyncMode.FULL_REFRESH and spec.parent is None and spec.name not in ("companies", "projects")
]


def installed(install: Install, **streams: object) -> Installation:
    return install(world=World(CATALOG, projects=1, scale=0.2, clock=SteppedClock()), config={"streams": streams})


def calls(here: Installation) -> Counter[str | None]:
    """Return the calls by stream since the last look."""
    found = Counter(request.stream for request in here.simulator.requests)
    here.simulator.requests.clear()
    return found


def test_an_hourly_schedule_reads_whole_lists_every_six_hours_and_the_others_always(install: Install) -> None:
    here = installed(install)
    here.run(trigger="schedule")
    calls(here)

    seen = []
    for _ in range(12):
        # Ticks are never exactly their interval apart.
        advance(here.simulator, HOUR - 5)
        assert incomplete(here.run(trigger="schedule")) == []
        seen.append(calls(here))

    for name in LISTS:
        assert [number for number, found in enumerate(seen, 1) if found[name]] == [6, 12], name
    for name in ("companies", "projects", "rfis", "manpower_logs"):
        assert all(found[name] for found in seen), name
    assert [bool(found["budget_view_detail_rows"]) for found in seen] == [False] * 5 + [True] + [False] * 5 + [True]


def test_what_is_not_due_gets_no_line_in_the_ledger(install: Install) -> None:
    here = installed(install)
    here.run(trigger="schedule")

    report = here.run(trigger="schedule")

    told = {line.stream for line in report.scopes}
    assert told.isdisjoint(LISTS)
    assert "rfis" in told


def test_by_hand_and_in_a_full_refresh_whole_lists_are_always_read(install: Install) -> None:
    here = installed(install)
    here.run()
    first = calls(here)

    here.run()
    again = calls(here)
    here.run(trigger="schedule", full_refresh=True)
    refreshed = calls(here)

    assert [again[name] for name in LISTS] == [first[name] for name in LISTS]
    assert [refreshed[name] for name in LISTS] == [first[name] for name in LISTS]


def test_how_often_a_whole_list_is_read_can_be_set(install: Install) -> None:
    here = installed(install, roles={"full_refresh_every": "1h"})
    here.run(trigger="schedule")
    calls(here)

    advance(here.simulator, HOUR)
    here.run(trigger="schedule")

    found = calls(here)
    assert [name for name in LISTS if found[name]] == ["roles"]


def test_a_list_that_was_not_complete_is_due(install: Install) -> None:
    here = installed(install)
    project = readable_projects(here.simulator)[0]
    here.simulator.faults.add(Fault(path="*/budget_views[?]*", status=500, times=2))
    report = here.run("budget_view_detail_rows", trigger="schedule")
    assert scope(report, "budget_views", project).verdict == Verdict.FAILED

    report = here.run("budget_view_detail_rows", trigger="schedule")

    assert scope(report, "budget_views", project).verdict == Verdict.COMPLETE
    assert scope(report, "budget_view_detail_rows", project).requests > 0
