"""The calls that were spent and saved, and how Procore grades the app, as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

import click

from sync_worker.cli.console import LabeledLine
from sync_worker.clock import utc_text
from sync_worker.model import Observation
from sync_worker.state.allowance import HOUR, StoredAllowance, StoredWindow
from sync_worker.state.health import DAYS, WORDS, Color, Health, worst
from sync_worker.state.spending import DaySpent
from sync_worker.status.durations import in_words

_STREAMS_SHOWN = 3
_COLORS = {Color.GREEN: "green", Color.AMBER: "yellow", Color.RED: "red"}
_WHAT: Mapping[Observation, str] = {
    Observation.WITHOUT_COMPANY: "calls without the company header",
    Observation.DEPRECATED: "deprecated endpoints",
    Observation.UNDOCUMENTED: "undocumented endpoints",
}


def spending_lines(
    allowance: StoredAllowance, days: Sequence[DaySpent], health: Sequence[Health], now: datetime
) -> Iterator[LabeledLine]:
    """Return the allowance that is left, the calls of today, and the grades."""
    windows = [_left(window, now) for window in allowance.windows if window.limit is not None]
    if windows:
        yield LabeledLine("allowance", "; ".join(windows))
    waits_until = allowance.waits_until(now)
    if waits_until is not None:
        seconds = (waits_until - now).total_seconds()
        yield LabeledLine("waiting", f"{in_words(seconds)} more for the allowance, until {utc_text(waits_until)}")
    today = next((day for day in days if day.day == now.date().isoformat()), None)
    if today is not None:
        yield LabeledLine(
            "calls today", f"{today.calls}, {today.calls - today.succeeded} without success{skipped(today)}"
        )
    if any(line.of for line in health):
        yield from _health_lines(health)


def _left(window: StoredWindow, now: datetime) -> str:
    """Return what is left of a window; of one that is over, only its size."""
    each = "an hour" if window.period == HOUR else f"in {window.seconds} s"
    ours = "" if window.granted is None else f", {window.granted} of them ours"
    if window.remaining is None or window.resets_at is None or window.resets_at <= now:
        return f"{window.limit} {each}{ours}"
    return f"{window.remaining} of {window.limit} {each} left{ours}"


def skipped(day: DaySpent) -> str:
    """Return the calls that were saved, and why."""
    return f"; {sum(day.avoided.values())} avoided: {reasons(day.avoided)}" if day.avoided else ""


def reasons(skipped: Mapping[str, int]) -> str:
    """Reasons with the calls that each saved."""
    return ", ".join(f"{calls} {reason.replace('_', ' ')}" for reason, calls in skipped.items())


def _health_lines(health: Sequence[Health]) -> Iterator[LabeledLine]:
    """Return the worst grade, then a line for each observation that was made."""
    whole = f"{_shown(worst(health))}: {health[0].of} calls in {DAYS} days, as Procore's Integration Health sees them"
    yield LabeledLine("health", whole)
    for line in health:
        if line.calls:
            yield LabeledLine(
                "health", f"{_shown(line.color)}: {_what(line)} {line.calls}, {line.share:.1%}{_most(line)}"
            )
    unseen = [_what(line) for line in health if not line.calls]
    if unseen:
        yield LabeledLine("health", f"none: {', '.join(unseen)}")


def _shown(color: Color) -> str:
    return click.style(f"{color}, {WORDS[color]}", fg=_COLORS[color])


def _what(line: Health) -> str:
    return _WHAT.get(line.observation, str(line.observation))


def _most(line: Health) -> str:
    shown = ", ".join(f"{found.stream or 'no stream'} {found.calls}" for found in line.streams[:_STREAMS_SHOWN])
    return f", most of them for {shown}" if len(line.streams) > _STREAMS_SHOWN else f", for {shown}"
