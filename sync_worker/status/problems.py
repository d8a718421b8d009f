"""Everything that needs attention now, each with its cause and the step to take."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from sync_worker.clock import utc_text
from sync_worker.model import Verdict
from sync_worker.planning.selection import COMPANIES, PROJECTS
from sync_worker.state.deletes import HeldDeletes
from sync_worker.state.skipped import TOOL_OFF
from sync_worker.status.durations import in_words
from sync_worker.status.record_problems import QUARANTINED
from sync_worker.status.scope_problems import NO_TOOL, ScopeProblem, has_address, without_address
from sync_worker.status.status import Status, StreamStatus

_NAMES_SHOWN = 3
_CREDENTIALS_STEP = "correct client_id and client_secret; `sync-worker check` says if they are accepted"
_PERMIT_PROJECT = "permit the project (docs/procore-access.md, step 3)"
_CHECK_COMPANY = "`sync-worker check` says if the company's id is right and the app is connected to it"


class Problem(NamedTuple):
    """Something that needs attention: a word for its kind, the cause, and the step to take.

    A note (`is_note`) is worth knowing and leaves everything well.
    """

    kind: str
    cause: str
    step: str
    is_note: bool = False


class DataState(StrEnum):
    """The state of all data: well, being read for the first time, or in need of somebody."""

    WELL = "well"
    LOADING = "loading"
    ATTENTION = "attention"


def state_of(status: Status) -> DataState:
    """Return the state; notes leave it well."""
    if not all(problem.is_note for problem in problems(status)):
        return DataState.ATTENTION
    return DataState.LOADING if status.expected.never_read else DataState.WELL


def problems(status: Status) -> list[Problem]:
    """Return what needs attention, the worst first, then the notes; refused lists are grouped by project and tool."""
    found = [
        *(Problem(problem.kind, problem.text, problem.step) for problem in status.problems if not problem.stream),
        *_of_runs(status),
        *_never_read(status),
        *_of_scopes(status),
        *_stale(status.streams),
        *_future(status.streams),
        *_held(status.held),
        *(
            Problem(problem.kind, problem.text, problem.step, is_note=problem.kind != QUARANTINED)
            for problem in status.problems
            if problem.stream
        ),
    ]
    return sorted(found, key=lambda problem: problem.is_note)


def _of_runs(status: Status) -> Iterator[Problem]:
    """Yield what ended the last run early, and why companies or projects cannot be listed."""
    if status.refused_since is not None:
        cause = f"nothing is read since {utc_text(status.refused_since)}: Procore refuses the credentials"
        yield Problem("credentials", cause, _CREDENTIALS_STEP)
        return
    for problem in status.other_errors:
        if problem.stream is None:
            yield Problem("the run", without_address(problem.error), problem.hint)
    for problem in status.other_errors:
        if problem.stream in (COMPANIES, PROJECTS):
            yield Problem(problem.verdict or "", f"{problem.stream}: {without_address(problem.error)}", problem.hint)
    for place in status.refused_places:
        if place.scope.project_id is None:
            cause = f"company {place.scope.company_id}: nothing is read ({place.lists} lists): "
            yield Problem("company", cause + without_address(place.error), _CHECK_COMPANY)


def _never_read(status: Status) -> Iterator[Problem]:
    expected = status.expected
    if not expected.lists:
        yield Problem(
            "no job", "no job is in force, so no list should be there", "name a job under jobs: in config.yaml"
        )
    if not expected.never_read:
        return
    streams = [name for name, _ in expected.never_read_of.most_common()]
    cause = f"{expected.never_read} of {expected.lists} lists: {_some(streams)}"
    # A run knows how many lists it has, not which: if it has fewer than were never read, it cannot be the first one.
    ahead = [run.partitions and run.partitions - run.scopes_finished for run in status.running]
    if None in ahead or sum(filter(None, ahead)) >= expected.never_read:
        step = "wait for the run in progress; `sync-worker run --all` reads what it leaves"
        yield Problem("never read", cause, step, is_note=True)
    else:
        yield Problem("never read", cause, "`sync-worker run --all` reads them")


def _of_scopes(status: Status) -> Iterator[Problem]:
    """Yield lists that are not complete; those of a project of which nothing may be read are one problem."""
    names, by_tool = status.project_names, defaultdict[tuple[str, bool], list[ScopeProblem]](list)
    for problem in status.other_errors:
        if problem.stream in (None, COMPANIES, PROJECTS):
            continue
        if problem.verdict == Verdict.NOT_PERMITTED:
            by_tool[problem.tool or NO_TOOL, problem.error.startswith(TOOL_OFF)].append(problem)
            continue
        where = f"{problem.stream}{_in_projects(problem.projects, names)}: "
        yield Problem(problem.verdict or "", where + without_address(problem.error), problem.hint)
    for place in status.refused_places:
        if place.scope.project_id is not None:
            cause = f"{_named(place.scope.project_id, names)}: nothing may be read ({place.lists} lists)"
            yield Problem("may not read", cause, _PERMIT_PROJECT, is_note=not place.was_complete)
    yield from (_of_tool(alike, names) for alike in by_tool.values())


def _of_tool(alike: Sequence[ScopeProblem], names: Mapping[int, str]) -> Problem:
    streams = list(dict.fromkeys(problem.stream for problem in alike if problem.stream))
    projects = sorted({project for problem in alike for project in problem.projects})
    # An error with an address is Procore's own answer; the errors of nested streams only repeat it.
    shown = next((problem for problem in alike if has_address(problem.error)), alike[0])
    what = f"{shown.tool or NO_TOOL}: {_some(streams)}{_in_projects(projects, names)}"
    # What could be read before and cannot any more was taken away; a tool is switched off on purpose.
    was_taken = any(problem.was_complete for problem in alike) and not shown.error.startswith(TOOL_OFF)
    return Problem("may not read", f"{what}: {without_address(shown.error)}", shown.hint, is_note=not was_taken)


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


def _in_projects(projects: Sequence[int], names: Mapping[int, str]) -> str:
    if not projects:
        return ""
    if len(projects) == 1:
        return f", project {_named(projects[0], names)}"
    return f", {len(projects)} projects ({_some([_named(project, names) for project in projects])})"


def _named(project: int, names: Mapping[int, str]) -> str:
    return f"{names[project]} ({project})" if project in names else str(project)


def _some(names: Sequence[str | int]) -> str:
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    return ", ".join(map(str, names[:_NAMES_SHOWN])) + more
