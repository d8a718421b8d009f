"""The form of a story: what a stream's first records are about, and how one of them is written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from random import Random
from typing import Any, NamedTuple

from procore_simulator.draw import Draw, Place, Record


class Occasion(NamedTuple):
    """What a story knows when it decides how many records there are."""

    place: Place
    rng: Random
    scale: float
    today: date


@dataclass(frozen=True, slots=True)
class Story:
    """`subjects` has one item for each record; `compose` writes what it wants of a record, the rest is filled in.

    An inserted record has the subject None: it is about nothing decided beforehand. What is written beyond the
    declared fields is left out, but for lists whose fields nobody can declare beforehand (`is_open`).
    """

    subjects: Callable[[Occasion], Sequence[Any]]
    compose: Callable[[Draw], Record]
    is_open: bool = False


def several(low: int, high: int) -> Callable[[Occasion], Sequence[int]]:
    """So many records, times the world's scale."""

    def count(occasion: Occasion) -> Sequence[int]:
        return range(max(1, round(occasion.rng.randint(low, high) * occasion.scale)))

    return count


def growing(low: int, high: int, *, after: float = 0.0) -> Callable[[Occasion], Sequence[int]]:
    """So many records in a project that is half over, fewer in a young one; `after` so much of it they begin."""

    def count(occasion: Occasion) -> Sequence[int]:
        project = occasion.place.project
        progress = project.progress(occasion.today) if project else 1.0
        share = max(0.1, min(1.0, (progress - after) * 2))
        return range(max(1, round(occasion.rng.randint(low, high) * occasion.scale * share)))

    return count
