"""Everything that needs attention now, each with its cause and the step to take."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sync_worker.clock import utc_text
from sync_worker.model import Verdict
from sync_worker.state.deletes import HeldDeletes
from sync_worker.state.skipped import TOOL_OFF
from sync_worker.status.durations import in_words
from sync_worker.status.scope_problems import NO_TOOL, ScopeProblem, has_address, without_address
from sync_worker.status.status import Status, StreamStatus

_NAMES_SHOWN = 3


class Problem(NamedTuple):
    """Something that needs attention: a word for its kind, the cause, and the step to take."""

    kind: str
    cause: str
    step: str


def problems(status: Status) -> Iterator[Problem]:
    """Yield what needs attention, the worst first; refused lists are grouped by tool."""
    yield from _of_scopes(status.errors)
    yield from _stale(status.streams)
    yield from _future(status.streams)
    yield from _held(status.held)
    yield from (Problem(problem.kind, problem.text, problem.step) for problem in status.problems)


def _of_scopes(found: Sequence[ScopeProblem]) -> Iterator[Problem]:
    by_tool: dict[tuple[str, bool], list[ScopeProblem]] = defaultdict(list)
    for problem in found:
        if problem.verdict == Verdict.NOT_PERMITTED:
            by_tool[problem.tool or NO_TOOL, problem.error.startswith(TOOL_OFF)].append(problem)
            continue
        where = "" if problem.stream is None else f"{problem.stream}{_in_projects(problem.projects)}: "
        yield Problem(problem.verdict or "the run", where + without_address(problem.error), problem.hint)
    yield from map(_of_tool, by_tool.values())


def _of_tool(alike: Sequence[ScopeProblem]) -> Problem:
    streams = list(dict.fromkeys(problem.stream for problem in alike if problem.stream))
    projects = sorted({project for problem in alike for project in problem.projects})
    # An error with an address is Procore's own answer; the errors of nested streams only repeat it.
    shown = next((problem for problem in alike if has_address(problem.error)), alike[0])
    what = f"{shown.tool or NO_TOOL}: {_some(streams)}{_in_projects(projects)}"
    return Problem("may not read", f"{what}: {without_address(shown.error)}", shown.hint)


def _stale(streams: Sequence[StreamStatus]) -> Iterator[Problem]:
    step = "does the daemon run, and does a job read it? `sync-worker runs` shows both"
    for line in streams:
        if line.is_stale and line.freshness_seconds is not None:
            where = "" if line.oldest_project is None else f", project {line.oldest_project}"
            age = in_words(line.freshness_seconds)
            yield Problem("stale", f"{line.stream}{where}: last proven complete {age} ago", step)


def _future(streams: Sequence[StreamStatus]) -> Iterator[Problem]:
    found = [line for line in streams if line.future_marks]
    if found:
        cause = f"{sum(line.future_marks for line in found)} marks of {', '.join(line.stream for line in found)}"
        step = "a clock was wrong; the next run reads again what changed since, `sync-worker check` compares the clocks"
        yield Problem("in future", cause, step)


def _held(held: Sequence[HeldDeletes]) -> Iterator[Problem]:
    step = "a second complete sweep decides; `sync-worker state approve-deletes` shows them and approves now"
    for line in held:
        project = "" if line.project_id is None else f", project {line.project_id}"
        cause = f"{line.stream}{project}: {line.rows} rows would be deleted at once, {utc_text(line.held_at)}"
        yield Problem("held", cause, step)


def _in_projects(projects: Sequence[int]) -> str:
    if not projects:
        return ""
    if len(projects) == 1:
        return f", project {projects[0]}"
    return f", {len(projects)} projects ({_some(projects)})"


def _some(names: Sequence[str | int]) -> str:
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    return ", ".join(map(str, names[:_NAMES_SHOWN])) + more
