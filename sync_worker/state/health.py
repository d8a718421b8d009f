"""Procore's Integration Health, computed from our own counts: seven observations over fourteen days.

Procore does not say where its colours change; ours do at these shares of all calls.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from enum import StrEnum
from typing import NamedTuple

from sync_worker.model import ALL_CALLS, CallLine, Observation
from sync_worker.state.calls import calls_since
from sync_worker.state.executor import View

DAYS = 14
AMBER_FROM, RED_FROM = 0.005, 0.02


class Color(StrEnum):
    """The grade of an observation."""

    GREEN = "green"
    AMBER = "amber"
    RED = "red"


WORDS: Mapping[Color, str] = {Color.GREEN: "good", Color.AMBER: "watch", Color.RED: "bad"}


class HealthDay(NamedTuple):
    """An observation on one day: the calls with it, and all calls."""

    day: str
    calls: int
    of: int
    color: Color
    word: str


class ObservedStream(NamedTuple):
    """The calls with an observation for one stream; `stream` is None for calls that belong to none."""

    stream: str | None
    calls: int


class Health(NamedTuple):
    """One observation: over all days, by day with the oldest first, and by stream with the worst first."""

    observation: Observation
    color: Color
    word: str
    calls: int
    of: int
    share: float
    days: Sequence[HealthDay]
    streams: Sequence[ObservedStream]


def read_health(view: View, today: date) -> list[Health]:
    """Return the grades of the app from the stored counts."""
    return health(calls_since(view, _first_day(today)), today)


def health(counted: Mapping[CallLine, int], today: date) -> list[Health]:
    """Return every observation in Procore's order, whether it was made or not.

    The days end with `today`, or with a later day that has calls: Procore grades by the server's calendar.
    """
    last = max([today, *(line.day for line in counted)])
    days = [_first_day(last) + timedelta(days=passed) for passed in range(DAYS)]
    by_day: Counter[tuple[str, date]] = Counter()
    by_stream: dict[str, Counter[str | None]] = {kind: Counter() for kind in (*Observation, ALL_CALLS)}
    for line, calls in counted.items():
        if line.day >= days[0] and line.kind in by_stream:
            by_day[line.kind, line.day] += calls
            by_stream[line.kind][line.stream] += calls
    of = by_stream[ALL_CALLS].total()
    return [
        _graded(observation, of, list(_by_day(observation, days, by_day)), by_stream[observation])
        for observation in Observation
    ]


def worst(lines: Sequence[Health]) -> Color:
    """Return the colour of the worst observation."""
    found = {line.color for line in lines}
    return next((color for color in (Color.RED, Color.AMBER) if color in found), Color.GREEN)


def color_of(calls: int, of: int) -> Color:
    """Return the colour of `calls` with an observation among all calls, `of`."""
    # No calls are no failures.
    share = calls / of if of else 0.0
    if share < AMBER_FROM:
        return Color.GREEN
    return Color.AMBER if share < RED_FROM else Color.RED


def _graded(observation: Observation, of: int, days: Sequence[HealthDay], streams: Counter[str | None]) -> Health:
    calls = streams.total()
    color = color_of(calls, of)
    worst_first = [ObservedStream(*found) for found in streams.most_common()]
    return Health(observation, color, WORDS[color], calls, of, round(calls / of, 5) if of else 0.0, days, worst_first)


def _by_day(
    observation: Observation, days: Sequence[date], counted: Mapping[tuple[str, date], int]
) -> Iterator[HealthDay]:
    for day in days:
        calls, of = counted.get((observation, day), 0), counted.get((ALL_CALLS, day), 0)
        color = color_of(calls, of)
        yield HealthDay(day.isoformat(), calls, of, color, WORDS[color])


def _first_day(last: date) -> date:
    return last - timedelta(days=DAYS - 1)
