"""The plan of a run: every partition of the requested streams, due now or skipped for a reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sync_worker.catalog.spec import StreamSpec, SyncMode
from sync_worker.destination.protocol import Transaction
from sync_worker.model import Scope
from sync_worker.planning.partitions import Chain, Partition, chains
from sync_worker.planning.projects import Project, ProjectChoice, choose, known_projects
from sync_worker.planning.read_plan import ReadPlanner
from sync_worker.planning.selection import COMPANIES, PROJECTS
from sync_worker.planning.windows import INACTIVE_EVERY, is_due
from sync_worker.state.checkpoints import read_checkpoint
from sync_worker.state.skipped import SkipReason


class Task(NamedTuple):
    """A partition that is due, or the reason why it is skipped and when it was last complete."""

    partition: Partition
    skipped: SkipReason | None = None
    complete_at: datetime | None = None


def plan_run(
    planner: ReadPlanner,
    specs: Sequence[StreamSpec],
    projects: Mapping[int, Sequence[Project]],
    choice: ProjectChoice,
) -> list[Task]:
    """Return what a run does with each partition of these projects, each chain's partitions one after the other.

    A manual run and a full refresh read all of it. A schedule reads lists that have no changes to ask for, and all of
    a project that is inactive and not named in the configuration, less often than it ticks.
    """
    ids = {company_id: [project.project_id for project in known] for company_id, known in projects.items()}
    partitions = [partition for chain in chains(specs, ids) for partition in chain]
    if planner.request.reads_all:
        return [Task(partition) for partition in partitions]
    rarely_read = inactive_projects(projects, choice)
    return [
        _task(planner, partition, is_inactive=partition.scope.project_id in rarely_read) for partition in partitions
    ]


def _task(planner: ReadPlanner, partition: Partition, *, is_inactive: bool) -> Task:
    spec = partition.spec
    # A list that can be asked for its changes is read at every tick: that is one call if there are none.
    every, reason = timedelta(0), SkipReason.NOT_DUE
    if spec.mode is SyncMode.FULL_REFRESH and spec.parent is None:
        every = planner.options(spec.name).full_refresh_every
    if is_inactive and every < INACTIVE_EVERY:
        every, reason = INACTIVE_EVERY, SkipReason.INACTIVE_PROJECT
    if not every:
        return Task(partition)
    checkpoint = read_checkpoint(planner.view, spec.name, partition.scope)
    if checkpoint is None or is_due(checkpoint.mark, planner.now, every):
        return Task(partition)
    return Task(partition, reason, checkpoint.mark)


def due_chains(tasks: Sequence[Task]) -> list[Chain]:
    """Return the chains of the partitions that are due."""
    found: list[list[Partition]] = []
    for task in tasks:
        if task.partition.spec.parent is None:
            found.append([])
        # A nested stream may be due when its parent is not: it takes the parents that are stored.
        if task.skipped is None:
            found[-1].append(task.partition)
    return [tuple(chain) for chain in found if chain]


def inactive_projects(projects: Mapping[int, Sequence[Project]], choice: ProjectChoice) -> frozenset[int]:
    """Return the projects that are read because inactive ones are wanted, not because somebody named them."""
    every = [project for known in projects.values() for project in known]
    return frozenset(it.project_id for it in every if not it.is_active and it.project_id not in choice.named)


def discovery_partitions(specs: Sequence[StreamSpec], company_ids: Sequence[int]) -> list[Partition]:
    """Return the lists of companies and projects that a run reads first, because they decide which scopes exist."""
    scopes = {COMPANIES: [Scope()], PROJECTS: [Scope(company_id) for company_id in company_ids]}
    return [Partition(spec, scope) for spec in specs for scope in scopes.get(spec.name, ())]


def expected_partitions(
    view: Transaction, specs: Sequence[StreamSpec], company_ids: Sequence[int], choice: ProjectChoice
) -> list[Partition]:
    """Return every partition that runs of these streams keep up to date, by the projects that are stored now."""
    projects = {company_id: choose(known_projects(view, company_id), choice) for company_id in company_ids}
    ids = {company_id: [project.project_id for project in known] for company_id, known in projects.items()}
    nested = chains(specs, ids)
    return discovery_partitions(specs, company_ids) + [partition for chain in nested for partition in chain]
