"""Which projects a report tells of, how fresh and complete their data is, and which it leaves out and why."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from enum import StrEnum
from typing import NamedTuple

from sync_worker.model import Verdict
from sync_worker.reports.days import instant_from
from sync_worker.state.history import LatestScope


class ReportedProject(NamedTuple):
    """A project as reports see it; `zone=None` when it names none that exists."""

    project_id: int
    company_id: int | None
    name: str
    number: str
    is_active: bool
    zone: tzinfo | None = None

    @property
    def clock(self) -> tzinfo:
        """Where its days begin."""
        return self.zone or UTC


class Reason(StrEnum):
    """Why a project is left out."""

    INACTIVE = "inactive"
    EXCLUDED = "left out in the configuration"
    NOT_PERMITTED = "not permitted"
    FAILED = "failed"
    NEVER_READ = "never read"
    NO_MARK = "not read since its mark was removed"


class Choice(NamedTuple):
    """Which projects are wanted: those `asked` for, else those that the configuration has read."""

    asked: Collection[int] = ()
    include: Collection[int] = ()
    exclude: Collection[int] = ()
    inactive: bool = False


class IncludedProject(NamedTuple):
    """A project that is told of: its data is as it was at `as_of`, and this is what its last reading proved."""

    project: ReportedProject
    verdict: Verdict
    as_of: datetime
    error: str | None = None


class ExcludedProject(NamedTuple):
    """A project that is not told of."""

    project: ReportedProject
    reason: Reason
    detail: str | None = None


class Coverage(NamedTuple):
    """All projects there are, told of or not; those that were not asked for are neither."""

    included: Sequence[IncludedProject]
    left_out: Sequence[ExcludedProject]

    @property
    def as_of(self) -> datetime:
        """How old the oldest of what is told is."""
        return min(each.as_of for each in self.included)

    @property
    def project_ids(self) -> Sequence[int]:
        """The projects that are told of."""
        return [each.project.project_id for each in self.included]


def standing(
    projects: Iterable[ReportedProject], scopes: Sequence[LatestScope], streams: Collection[str], choice: Choice
) -> Coverage:
    """Sort the projects by what the ledger last said of the streams that the report cannot do without."""
    lines: dict[tuple[int | None, int | None], dict[str, LatestScope]] = {}
    for scope in scopes:
        if scope.stream in streams:
            lines.setdefault((scope.company_id, scope.project_id), {})[scope.stream] = scope
    included: list[IncludedProject] = []
    left_out: list[ExcludedProject] = []
    for project in _all_projects(projects, scopes):
        if choice.asked and project.project_id not in choice.asked:
            continue
        of_company = lines.get((project.company_id, None), {})
        found = _judged(project, of_company | lines.get((project.company_id, project.project_id), {}), streams, choice)
        if isinstance(found, IncludedProject):
            included.append(found)
        else:
            left_out.append(found)
    return Coverage(included, left_out)


def _all_projects(projects: Iterable[ReportedProject], scopes: Sequence[LatestScope]) -> list[ReportedProject]:
    """The projects that are listed, and those that only the ledger knows."""
    known = {project.project_id: project for project in projects}
    for scope in scopes:
        if scope.project_id is not None and scope.project_id not in known:
            name = f"Project {scope.project_id}"
            known[scope.project_id] = ReportedProject(scope.project_id, scope.company_id, name, "", is_active=True)
    return sorted(known.values(), key=lambda project: (project.number, project.name, project.project_id))


def _judged(
    project: ReportedProject, lines: Mapping[str, LatestScope], streams: Collection[str], choice: Choice
) -> IncludedProject | ExcludedProject:
    if unwanted := _unwanted(project, choice):
        return ExcludedProject(project, unwanted)
    if not lines or lines.keys() != set(streams):
        return ExcludedProject(project, Reason.NEVER_READ)
    worst = max(lines.values(), key=lambda line: _GRAVITY[Verdict(line.verdict)])
    verdict = Verdict(worst.verdict)
    if verdict is Verdict.NOT_PERMITTED:
        return ExcludedProject(project, Reason.NOT_PERMITTED, worst.error)
    # What was proven before a failure still holds, as of then.
    marks = [instant_from(line.mark) for line in lines.values()]
    if verdict is Verdict.INEXACT:
        marks = [mark or instant_from(line.finished_at) for mark, line in zip(marks, lines.values(), strict=True)]
    as_of = min((mark for mark in marks if mark), default=None)
    if as_of is None or None in marks:
        return ExcludedProject(project, Reason.FAILED if verdict is Verdict.FAILED else Reason.NO_MARK, worst.error)
    return IncludedProject(project, verdict, as_of, worst.error)


_GRAVITY = {verdict: place for place, verdict in enumerate(Verdict)}
_GRAVITY |= {Verdict.FAILED: _GRAVITY[Verdict.NOT_PERMITTED], Verdict.NOT_PERMITTED: _GRAVITY[Verdict.FAILED]}


def _unwanted(project: ReportedProject, choice: Choice) -> Reason | None:
    if project.project_id in choice.asked:
        return None
    if project.project_id in choice.exclude or (choice.include and project.project_id not in choice.include):
        return Reason.EXCLUDED
    if not project.is_active and not choice.inactive and project.project_id not in choice.include:
        return Reason.INACTIVE
    return None
