"""Which of the projects that Procore shows are read."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import date
from typing import Any, NamedTuple

from sync_worker.catalog import STREAMS
from sync_worker.destination.protocol import Transaction
from sync_worker.planning.selection import PROJECTS


class Project(NamedTuple):
    """A project as planning sees it; `first_on` is the earlier of its start and its creation."""

    project_id: int
    is_active: bool
    first_on: date | None


PROJECT_FIELDS = ("id", "active", "start_date", "created_at")


def project_of(fields: Mapping[str, Any]) -> Project:
    """Return what planning needs of a project's record or row."""
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
    """The user's choice: `requested` (by hand) beats `include`; empty means all."""

    requested: Collection[int] = ()
    include: Collection[int] = ()
    exclude: Collection[int] = ()
    inactive: bool = False


def choose(projects: Iterable[Project], choice: ProjectChoice) -> list[Project]:
    """The projects to read. An inactive one is read when asked for by number, or when inactive ones are wanted."""
    named = choice.requested or choice.include
    return [
        project
        for project in projects
        if (not named or project.project_id in named)
        and (project.project_id not in choice.exclude or project.project_id in choice.requested)
        and (project.is_active or choice.inactive or project.project_id in named)
    ]


def known_inactive_projects(view: Transaction) -> set[int]:
    """The projects that Procore says are inactive: that nothing moves there is no trouble."""
    if not view.has_table(PROJECTS):
        return set()
    found = view.live_values(STREAMS[PROJECTS], ("id", "active"), {})
    return {int(project_id or 0) for project_id, active in found if active is not None and not active}
