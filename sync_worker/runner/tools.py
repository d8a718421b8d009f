"""The lists of projects' tools: read before all else where that saves more calls than it costs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import timedelta

from sync_worker.catalog.tools import PROJECT_TOOLS
from sync_worker.model import Scope, Verdict
from sync_worker.planning.partitions import Chain, Partition
from sync_worker.planning.tools import are_tools_due, tools_off
from sync_worker.planning.windows import SLACK, is_due
from sync_worker.runner.context import RunContext
from sync_worker.runner.permissions import AccessCache
from sync_worker.services import Services
from sync_worker.state.checkpoints import read_checkpoint
from sync_worker.state.ledger import run_scopes

_BELIEVED_FOR = timedelta(days=2) + SLACK


def tool_lists(services: Services, run: RunContext, permissions: AccessCache, chains: Sequence[Chain]) -> list[Chain]:
    """The lists of tools to read before these chains."""
    with services.destination.reader() as view:
        return [
            (Partition(PROJECT_TOOLS, scope),)
            for scope, tools in tools_by_scope(chains).items()
            if are_tools_due(view, scope, tools, permissions.refused_at(scope), run.terms)
        ]


def switched_off(services: Services, run: RunContext, chains: Sequence[Chain]) -> Mapping[Scope, frozenset[str]]:
    """The tools that are off in each project, as far as this run, or one not long ago, was told.

    A run by hand believes itself alone.
    """
    with services.destination.reader() as view:
        told = {
            Scope(line.company_id, line.project_id)
            for line in run_scopes(view, run.run_id)
            if line.stream == PROJECT_TOOLS.name and line.verdict == Verdict.COMPLETE
        }
        if not (run.reads_all):
            marks = {scope: read_checkpoint(view, PROJECT_TOOLS.name, scope) for scope in tools_by_scope(chains)}
            told |= {scope for scope, last in marks.items() if last and not is_due(last.mark, run.now, _BELIEVED_FOR)}
        return {
            scope: tools_off(view, scope, tools) for scope, tools in tools_by_scope(chains).items() if scope in told
        }


def tools_by_scope(chains: Sequence[Chain]) -> Mapping[Scope, list[str]]:
    """The tool of each list that a project is asked for."""
    found: dict[Scope, list[str]] = defaultdict(list)
    for spec, scope in (partition for chain in chains for partition in chain):
        if scope.project_id is not None:
            found[scope].append(spec.tool)
    return found
