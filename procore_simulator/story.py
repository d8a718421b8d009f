"""A story: the subjects of a stream's initial records, and a function that writes a record about one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from random import Random
from typing import Any, NamedTuple

from procore_simulator.draw import Draw, Place, Record


class ListContext(NamedTuple):
    """The facts from which a story decides how many records a list has."""

    place: Place
    rng: Random
    scale: float
    today: date


@dataclass(frozen=True, slots=True)
class Story:
    """`subjects` returns one item for each initial record; `compose` writes some fields, the others are invented.

    The subject of an inserted record is None. Fields that the catalog does not declare are left out, except in lists
    whose fields are not known beforehand (`is_open`).
    """

    subjects: Callable[[ListContext], Sequence[Any]]
    compose: Callable[[Draw], Record]
    is_open: bool = False


def several(low: int, high: int) -> Callable[[ListContext], Sequence[int]]:
    """Return subjects for `low` to `high` records, times the world's scale."""

    def count(context: ListContext) -> Sequence[int]:
        return range(max(1, round(context.rng.randint(low, high) * context.scale)))

    return count


def growing(low: int, high: int, *, after: float = 0.0) -> Callable[[ListContext], Sequence[int]]:
    """Return subjects for a list that grows until the project is half over; it starts at the share `after`."""

    def count(context: ListContext) -> Sequence[int]:
        project = context.place.project
        progress = project.progress(context.today) if project else 1.0
        share = max(0.1, min(1.0, (progress - after) * 2))
        return range(max(1, round(context.rng.randint(low, high) * context.scale * share)))

    return count
