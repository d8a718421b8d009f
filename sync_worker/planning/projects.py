"""Which of the projects that Procore shows are read."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date
from typing import NamedTuple


class Project(NamedTuple):
    """A project as planning sees it; `first_on` is the earlier of its start and its creation."""

    project_id: int
    is_active: bool
    first_on: date | None


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
