"""The story of every stream: its own where people will look at the records, a plain one for all others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from procore_simulator import choices, directory, field_work, financials, project_management
from procore_simulator.chance import instant, seeded
from procore_simulator.draw import Draw, Place, Record
from procore_simulator.fields import fill
from procore_simulator.story import ListContext, Story, several
from procore_simulator.stream_fields import stream_fields
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
    """Return the story of a stream."""
    if spec.name in _WRITTEN:
        return _WRITTEN[spec.name]
    if spec.date_window is not None:
        return field_work.daily_log()
    if spec.parent is not None:
        return _NESTED
    return _OF_PROJECTS if spec.scope is ScopeKind.PROJECT else _OF_COMPANIES


def initial_subjects(
    spec: StreamSpec, place: Place, *, seed: object, scale: float, founded_at: datetime
) -> Sequence[Any]:
    """Return the subjects of a list's initial records: none for a parent that was inserted after the first instant."""
    if str((place.parent or {}).get("created_at") or "") > instant(founded_at):
        return ()
    rng = seeded(seed, "subjects", spec.name, place.number, place.parent_serial)
    return story_of(spec).subjects(ListContext(place, rng, scale, founded_at.date()))


def write(draw: Draw) -> Record:
    """Write the record that was drawn."""
    story = story_of(draw.spec)
    written = story.compose(draw)
    record = fill(draw, stream_fields(draw, written) | written)
    return record | written if story.is_open else record
