"""Lists that were not read completely, grouped by the reason, and what ended the last run early."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sync_worker.catalog.spec import StreamSpec
from sync_worker.model import CLOCKS_APART, Outcome, Verdict
from sync_worker.state.history import LatestScope, RunLine
from sync_worker.state.skipped import TOOL_OFF

NO_TOOL = "the tool"
_WORST_FIRST = (Verdict.FAILED, Verdict.INEXACT, Verdict.NOT_PERMITTED)
_HINTS: Mapping[str, str] = {
    Verdict.FAILED: "the next run tries again; `sync-worker runs {run_id}` shows the run",
    Verdict.INEXACT: "the list changed while it was read; the next run reads it again",
    Verdict.NOT_PERMITTED: "let the service account read {tool} in Procore, or leave the stream or project out",
}
# By the beginning of an error; the details after it differ.
_HINTS_BY_ERROR: Mapping[str, str] = {
    TOOL_OFF: "nothing, unless the project should have {tool}; then switch it on in Procore",
    CLOCKS_APART: "`sync-worker check` compares the clocks; what was read is stored, and nothing is marked as deleted",
}
_RUN_HINT = "`sync-worker runs {run_id}` shows the run; `sync-worker run --all` tries again"
_ADDRESS = re.compile(r"^[A-Z]+ https?://\S+: ")


@dataclass(frozen=True, slots=True)
class ScopeProblem:
    """A reason why scopes of a stream are not complete; without a stream, what ended the last run early.

    `error` is the reason in full, as the scope read last has it.
    """

    stream: str | None
    verdict: str | None
    error: str
    scopes: int
    projects: list[int]
    run_id: str
    at: datetime | None
    hint: str
    tool: str | None = None
    was_complete: int = 0
    """The number of its scopes that were complete once."""


class RefusedProject(NamedTuple):
    """A project of which no list may be read; `was_complete` is true if any could be read before."""

    project_id: int
    lists: int
    was_complete: bool


def find_refused_projects(scopes: Sequence[LatestScope]) -> list[RefusedProject]:
    """Return the projects whose lists were all refused, not only because their tools are off."""
    by_project: dict[int, list[LatestScope]] = defaultdict(list)
    for scope in scopes:
        if scope.project_id is not None:
            by_project[scope.project_id].append(scope)
    return [
        RefusedProject(project_id, len(found), any(scope.mark is not None for scope in found))
        for project_id, found in by_project.items()
        if {scope.verdict for scope in found} == {Verdict.NOT_PERMITTED}
        and not all((scope.error or "").startswith(TOOL_OFF) for scope in found)
    ]


def find_scope_problems(
    scopes: Sequence[LatestScope], last_run: RunLine | None, streams: Mapping[str, StreamSpec]
) -> list[ScopeProblem]:
    """Return what ended the last run early, then the scopes that are not complete, one problem for each reason."""
    found: list[ScopeProblem] = []
    if last_run is not None and last_run.outcome in (Outcome.FAILED, Outcome.PARTIAL) and last_run.error:
        hint = _RUN_HINT.format(run_id=last_run.run_id)
        found.append(ScopeProblem(None, None, last_run.error, 0, [], last_run.run_id, last_run.finished_at, hint))
    # A missing permission has the same reason in every project, and should be one line instead of a hundred.
    alike: dict[tuple[str, str, str], list[LatestScope]] = defaultdict(list)
    for scope in scopes:
        if scope.verdict != Verdict.COMPLETE:
            alike[scope.verdict, scope.stream, without_address(scope.error or "")].append(scope)
    order = {name: place for place, name in enumerate(streams)}

    def place(key: tuple[str, str, str]) -> tuple[int, int]:
        verdict, stream, _ = key
        return _WORST_FIRST.index(Verdict(verdict)), order.get(stream, len(order))

    return found + [_problem_of(alike[key], streams.get(key[1])) for key in sorted(alike, key=place)]


def without_address(error: str) -> str:
    """Return an error without its request, whose ids would make equal reasons look different."""
    return _ADDRESS.sub("", error)


def has_address(error: str) -> bool:
    """Return True if the error names the request that Procore refused."""
    return _ADDRESS.match(error) is not None


def _problem_of(scopes: Sequence[LatestScope], spec: StreamSpec | None) -> ScopeProblem:
    last = max(scopes, key=lambda scope: scope.finished_at)
    tool = (spec.tool if spec else "") or None
    projects = [scope.project_id for scope in scopes if scope.project_id is not None]
    error = last.error or "no reason was given"
    template = next((hint for start, hint in _HINTS_BY_ERROR.items() if error.startswith(start)), _HINTS[last.verdict])
    return ScopeProblem(
        last.stream,
        last.verdict,
        error,
        len(scopes),
        projects,
        last.run_id,
        last.finished_at,
        hint=template.format(run_id=last.run_id, tool=tool or NO_TOOL),
        tool=tool,
        was_complete=sum(scope.mark is not None for scope in scopes),
    )
