"""The least number of calls that a job can be done with, worked out from what the simulated Procore holds."""

from __future__ import annotations

from collections import Counter
from math import ceil

from benchmarks.company import JOBS, Company
from sync_worker.catalog import STREAMS
from sync_worker.catalog.spec import ScopeKind, StreamSpec, SyncMode
from sync_worker.planning.selection import COMPANIES, PROJECTS, select


def full_load(company: Company, job: str) -> int:
    """Every list read to its end in the largest pages there are, each at least one call."""
    return sum(_pages(company, spec) for spec in select(JOBS[job].streams, STREAMS))


def nothing_changed(company: Company, job: str) -> int:
    """A call for each list that can be asked what changed, and for those that tell the scopes.

    Nothing for lists that can only be read whole and were just read, and for what is nested in records that stayed as
    they were.
    """
    return sum(_lists(company, spec) for spec in select(JOBS[job].streams, STREAMS) if _is_asked_always(spec))


def _is_asked_always(spec: StreamSpec) -> bool:
    of_its_own = spec.mode in (SyncMode.INCREMENTAL, SyncMode.DATE_WINDOW) and spec.parent is None
    return of_its_own or spec.name in (COMPANIES, PROJECTS)


def _lists(company: Company, spec: StreamSpec) -> int:
    return len(company.simulator.world.project_ids) if spec.scope is ScopeKind.PROJECT else 1


def _pages(company: Company, spec: StreamSpec) -> int:
    """The pages of all lists of a stream; an empty list has one too."""
    world, per_page = company.simulator.world, spec.paging.per_page
    lists: Counter[tuple[object, object]] = Counter(
        (it.project_id, it.parent_id if spec.parent else None) for it in world.records(spec.name)
    )
    return sum(max(1, ceil(lists[each] / per_page)) if per_page else 1 for each in _all_lists(company, spec))


def _all_lists(company: Company, spec: StreamSpec) -> set[tuple[object, object]]:
    """Where a stream has lists: a project, and for what is nested one of its records."""
    world = company.simulator.world
    if spec.parent is not None:
        return {(it.project_id, it.record[spec.parent.key]) for it in world.records(spec.parent.stream)}
    projects = world.project_ids if spec.scope is ScopeKind.PROJECT else [None]
    return {(project_id, None) for project_id in projects}
