"""The projects in a report, with the freshness and completeness of their data, and those left out, with reasons."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from enum import StrEnum
from typing import NamedTuple

from sync_worker.model import Verdict
from sync_worker.state.history import LatestScope

# Rows read before a failure are still true as of then; rows of a list that is refused now may not be shown.
_BEST_TO_WORST = (Verdict.COMPLETE, Verdict.INEXACT, Verdict.FAILED, Verdict.NOT_PERMITTED)


class ReportedProject(NamedTuple):
    """A project as reports see it; `zone` is None if its time zone is missing or unknown."""

    project_id: int
    company_id: int | None
    name: str
    number: str
    is_active: bool
    zone: tzinfo | None = None

    @property
    def clock(self) -> tzinfo:
        """The time zone of its days."""
        return self.zone or UTC


class Reason(StrEnum):
    """The reason why a project is left out."""

    INACTIVE = "inactive"
    EXCLUDED = "left out in the configuration"
    NOT_PERMITTED = "not permitted"
    FAILED = "failed"
    NEVER_READ = "never read"
    NO_MARK = "not read since its mark was removed"


class Choice(NamedTuple):
    """The projects wanted: those `requested`, else those that the configuration has read."""

    requested: frozenset[int] = frozenset()
    include: Collection[int] = ()
    exclude: Collection[int] = ()
    inactive: bool = False


class IncludedProject(NamedTuple):
    """A project in the report: its data is as of `as_of`; `verdict` and `error` are those of its last sweep."""

    project: ReportedProject
    verdict: Verdict
    as_of: datetime
    error: str | None = None


class ExcludedProject(NamedTuple):
    """A project that is left out; `detail` is Procore's answer."""

    project: ReportedProject
    reason: Reason
    detail: str | None = None


class Coverage(NamedTuple):
    """The projects in the report and those left out; projects that were not requested are in neither list."""

    included: Sequence[IncludedProject]
    excluded: Sequence[ExcludedProject]

    @property
    def as_of(self) -> datetime:
        """The time of the oldest data in the report."""
        return min(each.as_of for each in self.included)

    @property
    def newest_at(self) -> datetime:
        """The time of the newest data in the report."""
        return max(each.as_of for each in self.included)

    @property
    def known_ids(self) -> frozenset[int]:
        """The projects in the report and those left out."""
        left_out = (each.project.project_id for each in self.excluded)
        return frozenset([*(each.project.project_id for each in self.included), *left_out])

    @property
    def projects(self) -> Sequence[ReportedProject]:
        """The projects in the report."""
        return [each.project for each in self.included]


def coverage_of(
    projects: Iterable[ReportedProject], scopes: Sequence[LatestScope], streams: Collection[str], choice: Choice
) -> Coverage:
    """Sort the projects by the last verdicts on the streams that the report needs."""
    known = {project.project_id: project for project in projects}
    lines: dict[tuple[int | None, int | None], dict[str, LatestScope]] = {}
    for scope in scopes:
        if scope.stream in streams:
            lines.setdefault((scope.company_id, scope.project_id), {})[scope.stream] = scope
        if (project_id := scope.project_id) is not None and project_id not in known:
            known[project_id] = ReportedProject(project_id, scope.company_id, f"Project {project_id}", "", True)
    included: list[IncludedProject] = []
    excluded: list[ExcludedProject] = []
    for project in sorted(known.values(), key=lambda each: (each.number, each.name, each.project_id)):
        if choice.requested and project.project_id not in choice.requested:
            continue
        of_company = lines.get((project.company_id, None), {})
        found = _judge(project, of_company | lines.get((project.company_id, project.project_id), {}), streams, choice)
        if isinstance(found, IncludedProject):
            included.append(found)
        else:
            excluded.append(found)
    return Coverage(included, excluded)


def _judge(
    project: ReportedProject, lines: Mapping[str, LatestScope], streams: Collection[str], choice: Choice
) -> IncludedProject | ExcludedProject:
    if unwanted := _unwanted(project, choice):
        return ExcludedProject(project, unwanted)
    if not lines or lines.keys() != set(streams):
        return ExcludedProject(project, Reason.NEVER_READ)
    worst = max(lines.values(), key=lambda line: _BEST_TO_WORST.index(line.verdict))
    verdict = worst.verdict
    if verdict is Verdict.NOT_PERMITTED:
        return ExcludedProject(project, Reason.NOT_PERMITTED, worst.error)
    # What was proven before a failure still holds, as of then.
    marks = [line.mark for line in lines.values()]
    if verdict is Verdict.INEXACT:
        marks = [mark or line.finished_at for mark, line in zip(marks, lines.values(), strict=True)]
    proven = [mark for mark in marks if mark]
    if len(proven) < len(marks):
        return ExcludedProject(project, Reason.FAILED if verdict is Verdict.FAILED else Reason.NO_MARK, worst.error)
    return IncludedProject(project, verdict, min(proven), worst.error)


def _unwanted(project: ReportedProject, choice: Choice) -> Reason | None:
    if project.project_id in choice.requested:
        return None
    if project.project_id in choice.exclude or (choice.include and project.project_id not in choice.include):
        return Reason.EXCLUDED
    if not project.is_active and not choice.inactive and project.project_id not in choice.include:
        return Reason.INACTIVE
    return None
