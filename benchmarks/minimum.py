"""The minimum number of calls for a job, computed from the records in the simulator."""

from __future__ import annotations

from collections import Counter
from math import ceil

from benchmarks.synced_company import JOBS, Company
from sync_worker.catalog import STREAMS
from sync_worker.catalog.spec import ScopeKind, StreamSpec, SyncMode
from sync_worker.planning.selection import COMPANIES, PROJECTS, select


def full_load(company: Company, job: str) -> int:
    """Return the calls to read every list to its end in the largest pages, at least one each."""
    return sum(_pages(company, spec) for spec in select(JOBS[job].streams, STREAMS))


def nothing_changed(company: Company, job: str) -> int:
    """Return one call for each list with a filter by change or date, and for companies and projects.

    Lists that can only be read completely and were just read need none, nor do lists nested in unchanged records.
    """
    return sum(_lists(company, spec) for spec in select(JOBS[job].streams, STREAMS) if _is_always_read(spec))


def _is_always_read(spec: StreamSpec) -> bool:
    has_filter = spec.mode in (SyncMode.INCREMENTAL, SyncMode.DATE_WINDOW) and spec.parent is None
    return has_filter or spec.name in (COMPANIES, PROJECTS)


def _lists(company: Company, spec: StreamSpec) -> int:
    return len(company.simulator.world.project_ids) if spec.scope is ScopeKind.PROJECT else 1


def _pages(company: Company, spec: StreamSpec) -> int:
    """Count the pages of all lists of a stream; an empty list has one."""
    world, per_page = company.simulator.world, spec.paging.per_page
    lists: Counter[tuple[object, object]] = Counter(
        (it.project_id, it.parent_id if spec.parent else None) for it in world.records(spec.name)
    )
    return sum(max(1, ceil(lists[each] / per_page)) if per_page else 1 for each in _all_lists(company, spec))


def _all_lists(company: Company, spec: StreamSpec) -> set[tuple[object, object]]:
    """Return the project and parent id of every list of a stream."""
    world = company.simulator.world
    if spec.parent is not None:
        return {(it.project_id, it.record[spec.parent.key]) for it in world.records(spec.parent.stream)}
    projects = world.project_ids if spec.scope is ScopeKind.PROJECT else [None]
    return {(project_id, None) for project_id in projects}
