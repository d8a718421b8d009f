"""Projects: those that Procore listed, and those of them that are read."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import date, timedelta
from typing import Any, NamedTuple

from sync_worker.catalog import STREAMS
from sync_worker.destination.protocol import Transaction
from sync_worker.planning.selection import PROJECTS


class Project(NamedTuple):
    """The fields of a project that planning needs; `first_on` is the earlier of its start and its creation."""

    project_id: int
    is_active: bool
    first_on: date | None


PROJECT_FIELDS = ("id", "active", "start_date", "created_at")

_EARLIEST = date(2000, 1, 1)
"""The start of the daily logs of a project without a first day of its own; all these days are one call."""
_FIRST_CENTURY = date(1900, 1, 1)
_DAYS_BEFORE = timedelta(days=366)
"""Work is logged before its project exists in Procore, and years are mistyped."""


def project_of(fields: Mapping[str, Any]) -> Project:
    """Return a project from its record or row."""
    days = [day for name in PROJECT_FIELDS[2:] if (day := _day(fields.get(name))) is not None]
    active = fields.get("active")
    # A project that does not say whether it is active is read.
    return Project(int(fields["id"]), active is None or bool(active), min(days, default=None))


def _day(text: Any) -> date | None:
    try:
        return date.fromisoformat(str(text)[:10])
    except ValueError:
        return None


class ProjectChoice(NamedTuple):
    """The user's choice of projects: those of the command go before `include`; empty means all."""

    requested: Collection[int] = ()
    include: Collection[int] = ()
    exclude: Collection[int] = ()
    inactive: bool = False

    @property
    def named(self) -> set[int]:
        """The projects that somebody named."""
        return set(self.requested) or set(self.include) - set(self.exclude)


def choose(projects: Iterable[Project], choice: ProjectChoice) -> list[Project]:
    """Return the projects to read; an inactive one only if it is named or if inactive ones are wanted."""
    named = choice.requested or choice.include
    return [
        project
        for project in projects
        if (not named or project.project_id in named)
        and (project.project_id not in choice.exclude or project.project_id in choice.requested)
        and (project.is_active or choice.inactive or project.project_id in named)
    ]


def known_projects(view: Transaction, company_id: int) -> list[Project]:
    """Return the projects of a company that Procore listed, in this run or an earlier one."""
    if not view.has_table(PROJECTS):
        return []
    rows = view.live_values(STREAMS[PROJECTS], PROJECT_FIELDS, {"company_id": company_id})
    return [project_of(dict(zip(PROJECT_FIELDS, row, strict=True))) for row in rows]


def known_inactive_projects(view: Transaction) -> set[int]:
    """Return the projects that Procore says are inactive; nothing is expected to change there."""
    if not view.has_table(PROJECTS):
        return set()
    found = view.live_values(STREAMS[PROJECTS], ("id", "active"), {})
    return {int(project_id or 0) for project_id, active in found if active is not None and not active}


def project_names(view: Transaction) -> dict[int, str]:
    """Return the names of the stored projects, as Procore shows them."""
    if not view.has_table(PROJECTS):
        return {}
    found = view.live_values(STREAMS[PROJECTS], ("id", "display_name", "name"), {})
    return {int(id_ or 0): str(shown or name) for id_, shown, name in found if shown or name}


def log_start_dates(projects: Iterable[Project], start_date: date | None, today: date) -> dict[int, date]:
    """Return the first day of each project's daily logs; `start_date` is the one that the user sets for all."""
    return {project.project_id: start_date or _log_start(project.first_on, today) for project in projects}


def _log_start(first_on: date | None, today: date) -> date:
    # An absurd or future first day says nothing about the logs before it.
    if first_on is None or not _FIRST_CENTURY <= first_on <= today:
        return min(_EARLIEST, today)
    return first_on - _DAYS_BEFORE
