"""What calls were spent, what was spared, and how Procore grades the app for it: for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import click

from sync_worker.cli.labelled import Labelled
from sync_worker.model import Observation
from sync_worker.state.health import DAYS, WORDS, Color, Health, worst
from sync_worker.state.spending import DaySpent

_STREAMS_SHOWN = 3
_COLORS = {Color.GREEN: "green", Color.AMBER: "yellow", Color.RED: "red"}
_WHAT: Mapping[Observation, str] = {
    Observation.WITHOUT_COMPANY: "calls without the company header",
    Observation.DEPRECATED: "deprecated endpoints",
    Observation.UNDOCUMENTED: "undocumented endpoints",
}


def allowance_as_json(days: Sequence[DaySpent]) -> dict[str, Any]:
    """What was spent, by day."""
    return {"days": [day._asdict() for day in days]}


def health_as_json(health: Sequence[Health]) -> list[dict[str, Any]]:
    """Each of the seven observations, in full."""
    return [
        line._asdict()
        | {"days": [day._asdict() for day in line.days], "streams": [found._asdict() for found in line.streams]}
        for line in health
    ]


def spending_lines(days: Sequence[DaySpent], health: Sequence[Health], now: datetime) -> Iterator[Labelled]:
    """What today came to, and how all of it is graded."""
    today = next((day for day in days if day.day == now.date().isoformat()), None)
    if today is not None:
        yield Labelled("calls today", f"{today.calls}, {today.calls - today.succeeded} without success{avoided(today)}")
    if any(line.of for line in health):
        yield from _health_lines(health)


def avoided(day: DaySpent) -> str:
    """What was not asked, and why."""
    return f"; {sum(day.avoided.values())} avoided: {reasons(day.avoided)}" if day.avoided else ""


def reasons(avoided: Mapping[str, int]) -> str:
    """Reasons with the calls that each saved."""
    return ", ".join(f"{calls} {reason.replace('_', ' ')}" for reason, calls in avoided.items())


def _health_lines(health: Sequence[Health]) -> Iterator[Labelled]:
    """The whole in a line, then each observation that was made."""
    whole = f"{_shown(worst(health))}: {health[0].of} calls in {DAYS} days, as Procore's Integration Health sees them"
    yield Labelled("health", whole)
    for line in health:
        if line.calls:
            yield Labelled("health", f"{_shown(line.color)}: {_what(line)} {line.calls}, {line.share:.1%}{_most(line)}")
    unseen = [_what(line) for line in health if not line.calls]
    if unseen:
        yield Labelled("health", f"none: {', '.join(unseen)}")


def _shown(color: Color) -> str:
    return click.style(f"{color}, {WORDS[color]}", fg=_COLORS[color])


def _what(line: Health) -> str:
    return _WHAT.get(line.observation, str(line.observation))


def _most(line: Health) -> str:
    shown = ", ".join(f"{found.stream or 'no stream'} {found.calls}" for found in line.streams[:_STREAMS_SHOWN])
    return f", most of them for {shown}" if len(line.streams) > _STREAMS_SHOWN else f", for {shown}"
