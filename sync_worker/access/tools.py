"""The tools of a project: when their list is read, and which of them are switched off.

The list is read before the others where it saves more requests than it costs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sync_worker.catalog.tools import PROJECT_TOOLS, is_off
from sync_worker.destination.protocol import Transaction
from sync_worker.model import RunRequest, Scope, Verdict
from sync_worker.planning.partitions import Chain, Partition
from sync_worker.planning.windows import SLACK, Now, is_due
from sync_worker.state.checkpoints import read_checkpoint
from sync_worker.state.ledger import run_scopes
from sync_worker.state.permissions import read_refusals

WORTH_IT = 5
"""The list costs a request, which it does not save in a project with fewer lists to read than this."""

_DAY, _WEEK = timedelta(days=1), timedelta(days=7)
_BELIEVED_FOR = timedelta(days=2) + SLACK
_COLUMNS = ("engine_name", "title", "is_active")


def tool_lists(view: Transaction, chains: Sequence[Chain], request: RunRequest, now: Now) -> list[Chain]:
    """Return the lists of projects' tools to read before these chains.

    A manual run always lists them, others once a week; once a day where one is off, because it may be switched on; and
    when something was refused since, because a tool may have been switched off.
    """
    refused_at: dict[Scope, datetime] = {}
    for refusal in read_refusals(view):
        refused_at[refusal.scope] = max(refusal.refused_at, refused_at.get(refusal.scope, refusal.refused_at))
    found: list[Chain] = []
    for scope, tools in _tools_by_scope(chains).items():
        if len(tools) < WORTH_IT:
            continue
        listed = read_checkpoint(view, PROJECT_TOOLS.name, scope)
        if not request.reads_all and listed is not None and refused_at.get(scope, listed.mark) <= listed.mark:
            every = _DAY if tools_off(view, scope, tools) else _WEEK
            if not is_due(listed.mark, now, every):
                continue
        found.append((Partition(PROJECT_TOOLS, scope),))
    return found


def switched_off(
    view: Transaction, chains: Sequence[Chain], request: RunRequest, now: Now
) -> dict[Scope, frozenset[str]]:
    """Return the tools that are off in each project, by the lists of this run or of one not long ago.

    A manual run believes only its own lists.
    """
    by_scope = _tools_by_scope(chains)
    listed = {
        Scope(line.company_id, line.project_id)
        for line in run_scopes(view, request.run_id)
        if line.stream == PROJECT_TOOLS.name and line.verdict == Verdict.COMPLETE
    }
    # Somebody who runs it by hand may just have switched a tool on.
    if not request.reads_all:
        marks = {scope: read_checkpoint(view, PROJECT_TOOLS.name, scope) for scope in by_scope}
        listed |= {scope for scope, last in marks.items() if last and not is_due(last.mark, now, _BELIEVED_FOR)}
    return {scope: tools_off(view, scope, tools) for scope, tools in by_scope.items() if scope in listed}


def _tools_by_scope(chains: Sequence[Chain]) -> Mapping[Scope, list[str]]:
    """Return the tool of every list that is read in a project, once for each list."""
    found: dict[Scope, list[str]] = defaultdict(list)
    for spec, scope in (partition for chain in chains for partition in chain):
        if scope.project_id is not None:
            found[scope].append(spec.tool)
    return found


def tools_off(view: Transaction, scope: Scope, tools: Iterable[str]) -> frozenset[str]:
    """Return those of these tools that were off when the tools of a project were listed last."""
    here = {name: value for name, value in scope._asdict().items() if value is not None}
    listed = view.live_values(PROJECT_TOOLS, _COLUMNS, here)
    return off_among(tools, (dict(zip(_COLUMNS, row, strict=True)) for row in listed))


def off_among(tools: Iterable[str], listed: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """Return those of these tools that a list of a project's tools says are off."""
    names: dict[bool, set[str]] = {True: set(), False: set()}
    for line in listed:
        is_active = line.get("is_active")
        # A tool that does not say whether it is active is on.
        names[is_active is None or bool(is_active)].update(str(line[name]) for name in _COLUMNS[:2] if line.get(name))
    return frozenset(tool for tool in set(tools) if is_off(tool, names[False], names[True]))
