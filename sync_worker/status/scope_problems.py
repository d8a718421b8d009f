"""Lists that were not read completely, grouped by the reason, and what ended the last run early."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sync_worker.catalog.spec import StreamSpec
from sync_worker.model import CLOCKS_APART, Outcome, Scope, Verdict
from sync_worker.planning.selection import PROJECTS
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


class RefusedPlace(NamedTuple):
    """A company or project of which no list may be read; `was_complete` is true if any could be read before."""

    scope: Scope
    lists: int
    error: str
    was_complete: bool


def find_refused_places(scopes: Sequence[LatestScope]) -> list[RefusedPlace]:
    """Return the companies whose list of projects was refused, and the projects whose lists were all refused.

    A project in which only tools are off is not refused, nor is one of which a single list should be there: that may be
    the permission for its tool.
    """
    by_scope: dict[Scope, list[LatestScope]] = defaultdict(list)
    refused_companies: set[int | None] = set()
    for line in scopes:
        if line.verdict == Verdict.NOT_PERMITTED and line.stream == PROJECTS:
            refused_companies.add(line.company_id)
    for line in scopes:
        is_of_company = line.project_id is None or line.company_id in refused_companies
        by_scope[Scope(line.company_id, None if is_of_company else line.project_id)].append(line)
    return [
        RefusedPlace(
            scope,
            len(found),
            next((line.error for line in found if line.stream == PROJECTS), found[0].error) or "",
            any(line.mark is not None for line in found),
        )
        for scope, found in by_scope.items()
        if scope.company_id in refused_companies or (scope.project_id is not None and _are_all_refused(found))
    ]


def outside_of(places: Sequence[RefusedPlace], scopes: Sequence[LatestScope]) -> list[LatestScope]:
    """Return the scopes that are in none of these places; a refused company explains the list of companies, too."""
    refused = {place.scope for place in places}
    if any(scope.project_id is None for scope in refused):
        refused.add(Scope())
    return [line for line in scopes if line.scope not in refused and Scope(line.company_id) not in refused]


def _are_all_refused(found: Sequence[LatestScope]) -> bool:
    is_off = [(line.error or "").startswith(TOOL_OFF) for line in found]
    return len(found) > 1 and {line.verdict for line in found} == {Verdict.NOT_PERMITTED} and not all(is_off)


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
