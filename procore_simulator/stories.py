"""The story of every stream: written by hand where people look, a plain one for all others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from procore_simulator import choices, directory, field_work, financials, project_management
from procore_simulator.chance import seeded
from procore_simulator.draw import Draw, Place, Record
from procore_simulator.fields import fill
from procore_simulator.particulars import particulars
from procore_simulator.story import Occasion, Story, several
from sync_worker.catalog.spec import ScopeKind, StreamSpec

_WRITTEN: Mapping[str, Story] = {
    **choices.STORIES,
    **directory.STORIES,
    **project_management.STORIES,
    **field_work.STORIES,
    **financials.STORIES,
}
_OF_COMPANIES = Story(several(6, 18), lambda _: {})
_OF_PROJECTS = Story(several(8, 24), lambda _: {})
_NESTED = Story(several(2, 5), lambda _: {})


def story_of(spec: StreamSpec) -> Story:
    """What is told of a stream."""
    if spec.name in _WRITTEN:
        return _WRITTEN[spec.name]
    if spec.date_window is not None:
        return field_work.daily_log()
    if spec.parent is not None:
        return _NESTED
    return _OF_PROJECTS if spec.scope is ScopeKind.PROJECT else _OF_COMPANIES


def founding_subjects(
    spec: StreamSpec, place: Place, *, seed: object, scale: float, founded_at: datetime
) -> Sequence[Any]:
    """What the first records of a list are about."""
    rng = seeded(seed, "subjects", spec.name, place.number, place.parent_serial)
    return story_of(spec).subjects(Occasion(place, rng, scale, founded_at.date()))


def write(draw: Draw) -> Record:
    """The record that was drawn."""
    story = story_of(draw.spec)
    written = story.compose(draw)
    record = fill(draw, particulars(draw, written) | written)
    return record | written if story.is_open else record
