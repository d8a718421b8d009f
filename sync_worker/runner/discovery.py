"""The scopes there are: the companies and the projects that Procore shows, read before all else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sync_worker.catalog.spec import ScopeKind
from sync_worker.model import Scope, Verdict
from sync_worker.planning.partitions import Partition
from sync_worker.planning.projects import Project, choose, known_projects
from sync_worker.planning.selection import COMPANIES, PROJECTS
from sync_worker.runner.context import RunContext
from sync_worker.runner.sync import PartitionResult, sync_partition
from sync_worker.state.skipped import SkipReason

_NOT_LISTED = "Procore does not list this project for this service account: permit it, or check the number"
_LIST_FAILED = "the list of projects could not be read, and this one is not known from before"


class Listed(NamedTuple):
    """The projects of a company that were to be read: those that can be, and those that Procore no longer shows."""

    verdict: Verdict
    readable: Sequence[Project] = ()
    unseen: Sequence[int] = ()

    @property
    def ids(self) -> list[int]:
        """All of them."""
        return [*(project.project_id for project in self.readable), *self.unseen]


def discover(run: RunContext) -> dict[int, Listed]:
    """Read companies and projects; return the projects of each company."""
    by_name = {spec.name: spec for spec in run.specs}
    # First and alone: the `Date` of its answer bounds the windows of all other lists.
    run.clocks.server_time = sync_partition(run, Partition(by_name[COMPANIES], Scope())).server_time
    listed = dict.fromkeys(run.company_ids, Listed(Verdict.COMPLETE))
    if PROJECTS in by_name:
        for company_id in listed:
            partition = Partition(by_name[PROJECTS], Scope(company_id))
            result = sync_partition(run, partition)
            run.clocks.server_time = run.clocks.server_time or result.server_time
            # From the table and not from the pages: where the list failed, what it last showed counts.
            with run.services.destination.reader() as view:
                known = known_projects(view, company_id)
            listed[company_id] = _sorted_out(result, choose(known, run.choice))
    return listed


def _sorted_out(result: PartitionResult, chosen: Sequence[Project]) -> Listed:
    """Sort the chosen projects by whether Procore shows them; if the list failed, what it last showed counts."""
    if result.verdict in (Verdict.FAILED, Verdict.INEXACT):
        return Listed(result.verdict, chosen)
    shown = set(result.keys)
    readable = [project for project in chosen if (project.project_id,) in shown]
    unseen = [project.project_id for project in chosen if (project.project_id,) not in shown]
    return Listed(result.verdict, readable, unseen)


def record_missing_projects(run: RunContext, listed: Mapping[int, Listed]) -> None:
    """Give their verdict to projects that were to be read but are not shown; asking would only be refused."""
    for company_id, found in listed.items():
        for project_id in found.unseen:
            _close_project(run, Scope(company_id, project_id), Verdict.NOT_PERMITTED, _NOT_LISTED)
    any_failed = any(found.verdict is Verdict.FAILED for found in listed.values())
    verdict, reason = (Verdict.FAILED, _LIST_FAILED) if any_failed else (Verdict.NOT_PERMITTED, _NOT_LISTED)
    # A number does not say which company it belongs to.
    for project_id in sorted(run.choice.named.difference(*(found.ids for found in listed.values()))):
        _close_project(run, Scope(run.company_ids[0], project_id), verdict, reason)


def _close_project(run: RunContext, scope: Scope, verdict: Verdict, reason: str) -> None:
    partitions = [Partition(spec, scope) for spec in run.specs if spec.scope is ScopeKind.PROJECT]
    for spec, _ in partitions:
        run.skip(spec.name, SkipReason.NOT_LISTED)
    run.record_unread(partitions, verdict, reason)
