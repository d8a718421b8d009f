"""How a forecast is told: `plan`, `run --dry-run` and `backfill --plan` say the same things in the same words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sync_worker.cli.table import table
from sync_worker.clock import utc_text
from sync_worker.forecast.cost import USUAL_CALLS_AN_HOUR, Basis, Pace
from sync_worker.forecast.outlook import Forecast, PartitionForecast


class StreamAhead(NamedTuple):
    """A stream as a run would read it: in how many scopes, since when, at what cost, and what that is told from."""

    stream: str
    scopes: int
    since: str | None
    calls: int
    known_by: Sequence[Basis]


def streams_ahead(found: Forecast) -> list[StreamAhead]:
    """The streams of a forecast, in the order of the catalog."""
    by_stream: dict[str, list[PartitionForecast]] = defaultdict(list)
    for part in found.partitions:
        by_stream[part.spec.name].append(part)
    return [_stream_ahead(name, parts) for name, parts in by_stream.items()]


def _stream_ahead(name: str, parts: Sequence[PartitionForecast]) -> StreamAhead:
    starts = [part.window.start for part in parts]
    known = [start for start in starts if start is not None]
    since = utc_text(min(known)) if len(known) == len(starts) else None
    told = {part.cost.basis for part in parts}
    return StreamAhead(
        name, len(parts), since, sum(part.cost.calls for part in parts), [basis for basis in Basis if basis in told]
    )


def scopes_as_json(found: Forecast) -> list[dict[str, Any]]:
    """Every list by itself, for programs."""
    return [
        {
            "stream": part.spec.name,
            **part.scope._asdict(),
            "window_from": utc_text(part.window.start) if part.window.start else None,
            "window_to": utc_text(part.window.end),
            "calls": part.cost.calls,
            "known_by": part.cost.basis,
        }
        for part in found.partitions
    ]


def stream_lines(found: Forecast) -> Iterator[str]:
    """A line for each stream."""
    lines = [
        (it.stream, it.scopes, it.since or "everything", it.calls, _TOLD[it.known_by[-1]])
        for it in streams_ahead(found)
    ]
    yield from table(("stream", "scopes", "reads since", "calls", ""), lines)


_TOLD: Mapping[Basis, str] = {
    Basis.STORED: "",
    Basis.REFUSED: "",
    Basis.PROBED: "asked",
    Basis.OTHERS: "as in other projects",
    Basis.LEAST: "at least",
}


def unknown_lines(found: Forecast) -> Iterator[str]:
    """What is missing for a better forecast."""
    if not found.projects_known:
        yield (
            "No projects are stored yet: a listing of them comes first, and then at least "
            f"{found.each_project} calls for each; --probe asks for them."
        )
    elif found.is_least:
        yield "What is nested in lists that were never read is not counted; --probe asks how much it is."


def calls_in_words(found: Forecast) -> str:
    """`412 calls`, or `at least 412 calls`."""
    return f"{'at least ' if found.is_least else ''}{found.calls:,} calls"


def pace_in_words(calls: int, pace: Pace | None) -> str:
    """How much of the allowance that is, and how long it takes."""
    if pace is None:
        usual = Pace(USUAL_CALLS_AN_HOUR, USUAL_CALLS_AN_HOUR)
        return (
            "the allowance is not known yet: the first answer tells it; "
            f"{_share_in_words(calls, usual)} that Procore usually allows, {_time_in_words(calls, usual)}"
        )
    return f"{_share_in_words(calls, pace)} that are ours of {pace.limit:,}; {_time_in_words(calls, pace)}"


def _share_in_words(calls: int, pace: Pace) -> str:
    return f"{100 * calls / pace.granted:.0f}% of the {pace.granted:,} calls an hour"


def _time_in_words(calls: int, pace: Pace) -> str:
    return f"takes about {hours_in_words(pace.hours(calls))}"


def backfill_in_words(found: Forecast, pace: Pace | None) -> str:
    """Return in one line what a backfill is about to spend."""
    if found.projects_known:
        return f"{calls_in_words(found)}; {pace_in_words(found.calls, pace)}"
    return (
        f"at least {found.calls:,} calls, and {found.each_project:,} or more for each project: "
        "how many there are is not known before they are listed"
    )


def hours_in_words(hours: float) -> str:
    """`4 min`, `1.5 h`."""
    minutes = hours * 60
    return f"{max(1, round(minutes))} min" if minutes < 90 else f"{hours:.1f} h"


def pace_as_json(calls: int, pace: Pace | None) -> dict[str, Any]:
    """The same for programs."""
    if pace is None:
        return {"allowance": None, "share": None, "hours": None}
    return {
        "allowance": {"limit": pace.limit, "granted": pace.granted},
        "share": round(calls / pace.granted, 4),
        "hours": round(pace.hours(calls), 2),
    }
