"""What a run reads, as a value: what is due, what is skipped and why, and what should be there at all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

from procore_simulator.clocks import SteppedClock
from procore_simulator.world import World
from support.worker import A_FEW, Install, Installation, advance
from sync_worker.catalog import STREAMS
from sync_worker.catalog.tools import PROJECT_TOOLS
from sync_worker.destination.protocol import Transaction
from sync_worker.destination.sqlite import SqliteDestination
from sync_worker.model import RunRequest
from sync_worker.planning.options import StreamOptions
from sync_worker.planning.partitions import Partition
from sync_worker.planning.plan import Task, due_chains, expected_partitions, plan_run
from sync_worker.planning.projects import Project, ProjectChoice, choose, known_projects
from sync_worker.planning.read_plan import ReadPlanner
from sync_worker.planning.windows import INACTIVE_EVERY, Now
from sync_worker.state.skipped import SkipReason

SPECS = tuple(A_FEW.values())
SCHEDULED = RunRequest("nightly", trigger="schedule")


@contextmanager
def stored(here: Installation) -> Iterator[Transaction]:
    with SqliteDestination(here.database).reader() as view:
        yield view


def planned(
    here: Installation, request: RunRequest = SCHEDULED, projects: Sequence[Project] = (), inactive: bool = False
) -> list[Task]:
    """Return the tasks of a run now, of the given projects or else of all stored ones."""
    now, company_id, chosen = here.clock.now(), here.simulator.company_id, ProjectChoice(inactive=inactive)
    with stored(here) as view:
        planner = ReadPlanner(view, STREAMS, lambda _: StreamOptions(), request, Now(now, now), {})
        known = projects or choose(known_projects(view, company_id), chosen)
        return plan_run(planner, SPECS, {company_id: known}, chosen)


def lines(partitions: Sequence[Partition]) -> set[tuple[str, int | None, int | None]]:
    return {(spec.name, *scope) for spec, scope in partitions}


def test_what_should_be_there_is_what_a_run_of_the_same_streams_has_in_the_ledger(install: Install) -> None:
    here = install(streams=A_FEW)
    made = here.run()

    with stored(here) as view:
        every = expected_partitions(view, SPECS, [here.simulator.company_id], ProjectChoice())
        one = made.scopes[-1].project_id or 0
        of_one = expected_partitions(view, SPECS, [here.simulator.company_id], ProjectChoice(include=[one]))

    ledger = {(it.stream, it.company_id, it.project_id) for it in made.scopes if it.stream != PROJECT_TOOLS.name}
    assert lines(every) == ledger
    assert len(every) == len(ledger)
    assert {scope.project_id for _, scope in of_one} == {None, one}


def test_before_the_first_run_only_the_lists_of_companies_should_be_there(install: Install) -> None:
    here = install(streams=A_FEW, projects=1)
    here.run("roles")
    with stored(here) as view:
        found = expected_partitions(view, SPECS, [here.simulator.company_id], ProjectChoice())
    assert {scope.project_id for _, scope in found} == {None}
    assert {"companies", "projects", "roles"} <= {spec.name for spec, _ in found}


def test_a_schedule_skips_what_is_not_due_and_says_since_when(install: Install) -> None:
    here = install(world=World(A_FEW, projects=1, scale=0.1, clock=SteppedClock()))
    here.run(trigger="schedule")
    marks = here.query("SELECT mark FROM _checkpoints WHERE stream = 'roles'")
    advance(here.simulator, 3600)

    tasks = {task.partition.spec.name: task for task in planned(here)}
    assert tasks["rfis"].skipped is None
    assert tasks["roles"].skipped is SkipReason.NOT_DUE
    assert f"{tasks['roles'].complete_at:%Y-%m-%dT%H:%M:%S}" in marks[0][0]
    assert all(task.skipped is None for task in planned(here, RunRequest("by_hand")))


def test_a_project_that_is_inactive_and_that_nobody_named_is_read_once_a_week(install: Install) -> None:
    here = install(world=World(A_FEW, projects=1, scale=0.1, clock=SteppedClock()))
    here.run(trigger="schedule")
    (project,) = here.simulator.world.project_ids
    resting = [Project(project, is_active=False, first_on=None)]

    skipped = {
        task.skipped for task in planned(here, projects=resting, inactive=True) if task.partition.scope.project_id
    }
    assert skipped == {SkipReason.INACTIVE_PROJECT}
    advance(here.simulator, INACTIVE_EVERY / timedelta(seconds=1))
    assert not any(task.skipped for task in planned(here, projects=resting, inactive=True))


def test_a_nested_stream_is_read_where_only_its_parent_is_not_due(install: Install) -> None:
    here = install(world=World(A_FEW, projects=1, scale=0.1, clock=SteppedClock()))
    here.run(trigger="schedule")
    advance(here.simulator, 3600)

    tasks = planned(here)
    chains = [[partition.spec.name for partition in chain] for chain in due_chains(tasks)]
    assert ["budget_view_detail_rows"] in chains
    assert ["work_order_contracts", "work_order_contract_line_items"] in chains
    assert not any("budget_views" in chain for chain in chains)
