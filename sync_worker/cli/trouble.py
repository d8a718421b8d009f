"""What is wrong now, for what reason, and what to do about it: in full for programs, told shortly to people."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sync_worker.catalog.spec import StreamSpec
from sync_worker.model import CLOCKS_APART, Outcome, Verdict
from sync_worker.state.history import LatestScope, RunLine
from sync_worker.state.skipped import TOOL_OFF

_WORST_FIRST = (Verdict.FAILED, Verdict.INEXACT, Verdict.NOT_PERMITTED)
_HINTS: Mapping[str, str] = {
    Verdict.FAILED: "the next run tries again; `sync-worker runs {run_id}` shows the run",
    Verdict.INEXACT: "the list changed while it was read; the next run reads it again",
    Verdict.NOT_PERMITTED: "let the service account read {tool} in Procore, or leave the stream or project out",
}
_CLOCKS_HINT = "`sync-worker check` compares the clocks; what was read is stored, and nothing is taken for deleted"
_TOOL_OFF_HINT = "nothing, unless the project should have {tool}: then switch it on there in Procore"
_RUN_HINT = "`sync-worker runs {run_id}` shows the run; `sync-worker run --all` tries again"
_NO_TOOL = "the tool"
_NAMES_SHOWN = 3
_REQUEST = re.compile(r"^[A-Z]+ https?://\S+: ")


@dataclass(frozen=True, slots=True)
class ScopeProblem:
    """What went wrong for the same reason in any number of scopes; `stream` is None for what ended a whole run.

    `error` is the reason in full, as one of the scopes has it.
    """

    stream: str | None
    verdict: str | None
    error: str
    scopes: int
    projects: list[int]
    run_id: str
    at: str
    hint: str
    tool: str | None = None


def troubles(
    scopes: Sequence[LatestScope], last_run: RunLine | None, streams: Mapping[str, StreamSpec]
) -> list[ScopeProblem]:
    """What is wrong now: whatever ended the last run first, then scopes with the same trouble together."""
    found: list[ScopeProblem] = []
    if last_run is not None and last_run.outcome in (Outcome.FAILED, Outcome.PARTIAL) and last_run.error:
        hint = _RUN_HINT.format(run_id=last_run.run_id)
        at = last_run.finished_at or ""
        found.append(ScopeProblem(None, None, last_run.error, 0, [], last_run.run_id, at, hint))
    alike: dict[tuple[str, str, str], list[LatestScope]] = defaultdict(list)
    for scope in scopes:
        if scope.verdict != Verdict.COMPLETE:
            alike[scope.verdict, scope.stream, _reason(scope.error or "")].append(scope)
    order = {name: place for place, name in enumerate(streams)}

    def place(key: tuple[str, str, str]) -> tuple[int, int]:
        verdict, stream, _ = key
        return _WORST_FIRST.index(Verdict(verdict)), order.get(stream, len(order))

    return found + [_trouble(alike[key], streams.get(key[1])) for key in sorted(alike, key=place)]


def summarize(found: Sequence[ScopeProblem]) -> Iterator[tuple[str, str, str]]:
    """For people: a word, what is wrong, and what to do; what may not be read once for each tool."""
    for trouble in found:
        if trouble.verdict != Verdict.NOT_PERMITTED:
            where = "" if trouble.stream is None else f"{trouble.stream}{_in_projects(trouble.projects)}: "
            yield trouble.verdict or "the run", where + _reason(trouble.error), trouble.hint
    by_tool: dict[tuple[str, bool], list[ScopeProblem]] = defaultdict(list)
    for trouble in found:
        if trouble.verdict == Verdict.NOT_PERMITTED:
            by_tool[trouble.tool or _NO_TOOL, trouble.error.startswith(TOOL_OFF)].append(trouble)
    yield from (("may not read", *_of_tool(alike)) for alike in by_tool.values())


def _of_tool(alike: Sequence[ScopeProblem]) -> tuple[str, str]:
    """What is wrong with a tool, by the reason that Procore gave; nested streams only repeat it."""
    streams = list(dict.fromkeys(trouble.stream for trouble in alike if trouble.stream))
    projects = sorted({project for trouble in alike for project in trouble.projects})
    told = next((it for it in alike if _REQUEST.match(it.error)), alike[0])
    what = f"{told.tool or _NO_TOOL}: {_some(streams)}{_in_projects(projects)}"
    return f"{what}: {_reason(told.error)}", told.hint


def _trouble(scopes: Sequence[LatestScope], spec: StreamSpec | None) -> ScopeProblem:
    last = max(scopes, key=lambda scope: scope.finished_at)
    tool = (spec.tool if spec else "") or None
    projects = [scope.project_id for scope in scopes if scope.project_id is not None]
    error = last.error or "no reason was given"
    special = {TOOL_OFF: _TOOL_OFF_HINT, CLOCKS_APART: _CLOCKS_HINT}
    template = next((hint for start, hint in special.items() if error.startswith(start)), _HINTS[last.verdict])
    hint = template.format(run_id=last.run_id, tool=tool or _NO_TOOL)
    return ScopeProblem(
        last.stream, last.verdict, error, len(scopes), projects, last.run_id, last.finished_at, hint, tool
    )


def _reason(error: str) -> str:
    """An error without the address, which has ids in it: what is left tells which are alike."""
    return _REQUEST.sub("", error)


def _in_projects(projects: Sequence[int]) -> str:
    if not projects:
        return ""
    if len(projects) == 1:
        return f", project {projects[0]}"
    return f", {len(projects)} projects ({_some(projects)})"


def _some(names: Sequence[str | int]) -> str:
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    return ", ".join(map(str, names[:_NAMES_SHOWN])) + more
