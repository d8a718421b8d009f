"""What a plan says of the calls that a run then makes, in the situations in which people ask for one."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, timedelta

import pytest

from procore_simulator.changes import change
from procore_simulator.clocks import SteppedClock
from procore_simulator.faults import Fault
from procore_simulator.world import World
from support.worker import Install, Installation, advance
from sync_worker.app import forecast_requests
from sync_worker.catalog.spec import SyncMode
from sync_worker.forecast.cost import Basis
from sync_worker.forecast.outlook import Forecast
from sync_worker.model import RunRequest
from sync_worker.runner.worker import FinishedRun

HOUR = 3_600.0


SOME = ("rfis", "rfi_replies", "bids", "drawings", "change_events", "meetings", "*_logs", "tag:company")
EVERYTHING = ("*",)


def foreseen(
    here: Installation, streams: tuple[str, ...], *, probing: bool = False, since: date | None = None
) -> tuple[Forecast, int]:
    """Return the forecast of a run and the number of calls that it took."""
    here.simulator.requests.clear()
    outlook = forecast_requests(
        here.settings(), [RunRequest("by_hand", streams, since=since)], probing=probing, clock=here.clock
    )
    assert outlook.probes == len([it for it in here.simulator.requests if it.path.startswith("/rest/")])
    return outlook.forecasts[0], outlook.probes


def is_right(found: Forecast, made: FinishedRun) -> bool:
    """Whether a plan was within a tenth of the calls then made."""
    return abs(found.calls - made.totals.requests) <= made.totals.requests / 10


def planned(found: Forecast) -> Counter[str]:
    """Return the calls of a plan by stream."""
    return sum((Counter({part.spec.name: part.cost.calls}) for part in found.partitions), Counter())


def spent(made: FinishedRun) -> Counter[str]:
    """Return the calls of a run by stream."""
    return sum((Counter({line.stream: line.requests}) for line in made.scopes), Counter())


def test_a_plan_is_right_before_everything_is_read_before_nothing_changed_and_after_permissions_were_lost(
    install: Install,
) -> None:
    here = install(world=World(projects=2, scale=0.1, clock=SteppedClock()))
    first, _ = foreseen(here, EVERYTHING, probing=True)
    assert not here.database.exists()
    assert is_right(first, here.run())

    advance(here.simulator, HOUR)
    unchanged, _ = foreseen(here, EVERYTHING)
    made = here.run()
    assert is_right(unchanged, made)
    assert planned(unchanged) == spent(made)

    for tool in ("RFI", "Daily Log", "Inspections"):
        here.simulator.permissions.forbid(f"Project Management/{tool}", here.simulator.world.project_ids[0])
    here.simulator.permissions.hide_project(here.simulator.world.project_ids[1])
    here.run()
    less, _ = foreseen(here, EVERYTHING)
    made = here.run()
    assert is_right(less, made)
    assert made.totals.requests < 0.6 * unchanged.calls


def test_a_plan_is_right_before_a_change_is_read_and_for_a_past_period(install: Install) -> None:
    here = install(world=World(projects=7, scale=0.1, clock=SteppedClock()))
    first, probes = foreseen(here, SOME, probing=True)
    made = here.run(*SOME)
    assert is_right(first, made)
    assert probes < 0.6 * made.totals.requests

    for _ in range(5):
        change(here.simulator.world)
    advance(here.simulator, HOUR)
    blind, _ = foreseen(here, SOME)
    told, probes = foreseen(here, SOME, probing=True)
    made = here.run(*SOME)
    assert is_right(told, made)
    assert blind.calls < told.calls
    assert probes <= 12

    since = here.simulator.world.clock.now().date() - timedelta(days=50)
    again, _ = foreseen(here, SOME, since=since)
    assert is_right(again, here.run(*SOME, since=since))


@pytest.mark.parametrize(
    "day", ["2026-03-08T07:30", "2026-12-31T23:55", "2027-01-31T12:00", "2028-02-29T23:30", "2028-03-01T00:00"]
)
def test_a_plan_and_the_run_that_follows_agree_on_which_day_it_is(install: Install, day: str) -> None:
    today = datetime.fromisoformat(f"{day}Z")
    here = install(world=World(projects=1, scale=0.1, clock=SteppedClock(today)))
    here.run(*SOME)
    now, _ = foreseen(here, SOME)
    assert planned(now) == spent(here.run(*SOME))

    since = today.date() - timedelta(days=50)
    past, _ = foreseen(here, SOME, since=since)
    assert planned(past) == spent(here.run(*SOME, since=since))


LISTS = {
    "daily logs": "manpower_logs",
    "asked for a range": "rfis",
    "asked since a time": "change_events",
    "whole": "meetings",
    "nested": "work_order_contract_line_items",
    "nested in a whole list": "budget_view_detail_rows",
}


@pytest.mark.parametrize(
    ("stream", "since"),
    [*((stream, date(2024, 1, 1)) for stream in LISTS.values()), ("manpower_logs", date.min), ("rfis", date.min)],
    ids=[*LISTS, "daily logs of all time", "a range of all time"],
)
def test_a_plan_of_a_backfill_is_right_for_each_kind_of_list(install: Install, stream: str, since: date) -> None:
    here = install(world=World(projects=2, scale=0.3, clock=SteppedClock()), most_per_page=7)
    unknown, _ = foreseen(here, (stream,), since=since)
    here.run(stream)
    known, _ = foreseen(here, (stream,), since=since)
    made = here.run(stream, since=since)

    assert not unknown.projects_known
    assert unknown.is_least
    assert unknown.is_open_ended
    assert not known.is_least
    assert not known.is_open_ended
    assert is_right(known, made)
    assert made.totals.requests < 1_000


def test_a_plan_of_a_backfill_counts_the_months_of_lists_that_were_never_read_and_not_those_that_are_done(
    install: Install,
) -> None:
    here = install(world=World(projects=3, scale=0.1, clock=SteppedClock()))
    since = date(2024, 1, 1)
    here.run("projects")
    never, _ = foreseen(here, ("manpower_logs", "work_order_contract_line_items"), since=since)
    first = here.simulator.world.project_ids[0]
    here.run("manpower_logs", "work_order_contract_line_items", projects=[first])
    elsewhere, _ = foreseen(here, ("manpower_logs", "work_order_contract_line_items"), since=since)

    here.simulator.faults.add(Fault(path="*/manpower_logs[?]*", status=400, times=1_000, after=20))
    here.run("manpower_logs", "work_order_contract_line_items", since=since)
    here.simulator.faults.clear()
    rest, _ = foreseen(here, ("manpower_logs", "work_order_contract_line_items"), since=since)
    made = here.run("manpower_logs", "work_order_contract_line_items", since=since)

    months = 3 * 35
    assert planned(never)["manpower_logs"] == planned(elsewhere)["manpower_logs"] == months
    assert never.is_least
    assert never.is_open_ended
    assert not elsewhere.is_open_ended
    assert planned(rest) == spent(made)
    assert planned(rest)["manpower_logs"] < months
    assert planned(rest)["work_order_contract_line_items"] == 0


def test_a_project_that_was_permitted_since_is_seen_by_probes_alone(install: Install) -> None:
    here = install(projects=3, scale=0.1)
    new = here.simulator.world.project_ids[1]
    here.simulator.permissions.hide_project(new)
    here.run(*SOME)
    here.simulator.permissions.show_project(new)

    blind, none = foreseen(here, SOME)
    told, probes = foreseen(here, SOME, probing=True)
    made = here.run(*SOME)

    assert is_right(told, made)
    assert not is_right(blind, made)
    assert none == 0 < probes < made.totals.requests / 2
    assert {part.cost.basis for part in told.partitions if part.scope.project_id == new} <= {Basis.PROBED, Basis.STORED}


def test_pages_that_the_server_makes_smaller_and_tools_that_are_off_are_counted_as_they_are(install: Install) -> None:
    here = install(world=World(projects=2, scale=0.5, clock=SteppedClock()), most_per_page=7)
    for project in here.simulator.world.project_ids:
        here.simulator.permissions.disable_tool("Project Management/Daily Log", project)
    here.run(*SOME)

    again, _ = foreseen(here, SOME)
    made = here.run(*SOME)

    assert is_right(again, made)
    assert sum(part.cost.calls for part in again.partitions if part.spec.name == "manpower_logs") == 0
    assert max(part.cost.calls for part in again.partitions if part.spec.mode is SyncMode.FULL_REFRESH) > 2


def test_the_calls_of_a_day_are_told_from_the_schedule(install: Install) -> None:
    here = install(world=World(projects=1, scale=0.1, clock=SteppedClock()))
    streams = ("rfis", "rfi_replies", "meetings", "manpower_logs", "change_events", "budget_view_detail_rows", "roles")
    here.run(*streams, trigger="schedule")
    outlook = forecast_requests(here.settings(), [RunRequest("by_hand", streams)], ticks_a_day=[6], clock=here.clock)

    made = 0
    for _ in range(6):
        advance(here.simulator, 4 * HOUR)
        made += here.run(*streams, trigger="schedule").totals.requests

    assert outlook.forecasts[0].calls_a_day == pytest.approx(made, rel=0.1)
