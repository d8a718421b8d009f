"""Explains what the service account may not read: each tool and reason once, with the projects and what to do."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from sync_worker.access.survey import AccessState, ToolAccess
from sync_worker.state.permissions import RefusalKind

_PROJECTS_NAMED = 5


class AccessGap(NamedTuple):
    """A tool that cannot be read in some projects, or in the company, for one reason."""

    tool: str
    state: AccessState
    message: str
    hint: str


def access_gaps(accesses: Sequence[ToolAccess], names: Mapping[int, str]) -> Iterator[AccessGap]:
    """Return the gaps by tool; `names` are those of projects by id."""
    scopes = Counter(access.tool for access in accesses)
    by_gap: dict[tuple[str, AccessState], list[ToolAccess]] = defaultdict(list)
    for access in accesses:
        if access.state is not AccessState.READABLE:
            by_gap[access.tool, access.state].append(access)
    for (tool, state), alike in sorted(by_gap.items()):
        yield AccessGap(tool, state, *_explained(alike, names, is_everywhere=len(alike) == scopes[tool]))


def short_name(tool: str) -> str:
    """Return the name of a tool without its group."""
    return tool.rpartition("/")[2]


def _explained(alike: Sequence[ToolAccess], names: Mapping[int, str], *, is_everywhere: bool) -> tuple[str, str]:
    """Return what is missing, and what to do about it."""
    first, where = alike[0], _where(alike, names)
    tool = short_name(first.tool)
    match first.state:
        case AccessState.TOOL_OFF:
            return f"off in {where}", "nothing, unless it should be read: then a project administrator switches it on"
        case AccessState.PARTLY:
            lists = ", ".join(sorted({name for access in alike for name in access.refused_lists}))
            hint = f"these lists need a higher level than Read Only on {tool}: Standard or Admin"
            return f"{lists} refused in {where}", hint
        case AccessState.FAILED:
            hint = "try again; if the error stays, see the message"
            return f"access could not be determined in {where}: {first.reason}", hint
    is_missing = first.kind is RefusalKind.NOT_FOUND
    message = f"{'not found, or hidden,' if is_missing else 'not permitted'} in {where}: {first.reason}"
    if first.scope.project_id is None:
        return message, f"give the service account Read Only on {tool} at company level, or leave its streams out"
    if is_everywhere and len(alike) > 1:
        hint = f"add {tool}, Read Only, to the app's permissions (docs/procore-access.md, step 1), then reinstall"
        return message, hint
    return message, f"give the service account Read Only on {tool} there, or leave the project or the tool out"


def _where(alike: Sequence[ToolAccess], names: Mapping[int, str]) -> str:
    if alike[0].scope.project_id is None:
        return "the company"
    shown = [names.get(access.scope.project_id or 0, str(access.scope.project_id)) for access in alike]
    more = f" and {len(shown) - _PROJECTS_NAMED} more" if len(shown) > _PROJECTS_NAMED else ""
    return ", ".join(shown[:_PROJECTS_NAMED]) + more
