"""Forecasts as text and JSON, for `plan`, `run --dry-run` and `backfill`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sync_worker.cli.console import table
from sync_worker.clock import utc_text
from sync_worker.forecast.cost import USUAL_CALLS_AN_HOUR, Basis, Pace
from sync_worker.forecast.outlook import Forecast, Outlook, PartitionForecast

_BASIS_TEXTS: Mapping[Basis, str] = {
    Basis.STORED: "",
    Basis.REFUSED: "",
    Basis.PROBED: "asked",
    Basis.OTHERS: "as in other projects",
    Basis.LEAST: "at least",
}


class StreamForecast(NamedTuple):
    """A stream of a run: its scopes, the time from which all are read, its calls, and how these are known."""

    stream: str
    scopes: int
    since: str | None
    calls: int
    known_by: Sequence[Basis]


def stream_forecasts(found: Forecast) -> Iterator[StreamForecast]:
    """Return the streams of a forecast, in the order of the catalog."""
    by_stream: dict[str, list[PartitionForecast]] = defaultdict(list)
    for part in found.partitions:
        by_stream[part.spec.name].append(part)
    for name, parts in by_stream.items():
        starts = [part.window.start for part in parts if part.window.start is not None]
        since = utc_text(min(starts)) if len(starts) == len(parts) else None
        bases = {part.cost.basis for part in parts}
        calls = sum(part.cost.calls for part in parts)
        yield StreamForecast(name, len(parts), since, calls, [basis for basis in Basis if basis in bases])


def stream_lines(found: Forecast) -> Iterator[str]:
    """Return a table of the streams."""
    lines = [
        (it.stream, it.scopes, it.since or "everything", it.calls, _BASIS_TEXTS[it.known_by[-1]])
        for it in stream_forecasts(found)
    ]
    return table(("stream", "scopes", "reads since", "calls", ""), lines)


def unknown_lines(found: Forecast) -> Iterator[str]:
    """Return what is missing for a better forecast."""
    if not found.projects_known:
        yield (
            "No projects are stored yet: a listing of them comes first, and then at least "
            f"{found.each_project} calls for each; --probe asks for them."
        )
    elif found.is_least:
        yield "What is nested in lists that were never read is not counted; --probe asks how much it is."


def dry_run_lines(outlook: Outlook) -> Iterator[str]:
    """Return what a run would read and spend."""
    (found,) = outlook.forecasts
    yield from stream_lines(found)
    yield from unknown_lines(found)
    yield f"would spend {_calls_text(found)}; nothing was asked, nothing was written"
    yield pace_text(found.calls, outlook.pace)


def dry_run_as_json(outlook: Outlook) -> dict[str, Any]:
    """Return the object that `run --dry-run --json` prints."""
    (found,) = outlook.forecasts
    return {
        "calls": found.calls,
        "is_least": found.is_least,
        "projects_known": found.projects_known,
        **pace_as_json(found.calls, outlook.pace),
        "streams": [
            {
                "stream": part.spec.name,
                **part.scope._asdict(),
                "window_from": utc_text(part.window.start) if part.window.start else None,
                "window_to": utc_text(part.window.end),
                "calls": part.cost.calls,
                "known_by": part.cost.basis,
            }
            for part in found.partitions
        ],
    }


def backfill_text(outlook: Outlook) -> str:
    """Return in one line what a backfill spends."""
    (found,) = outlook.forecasts
    if found.projects_known:
        return f"{_calls_text(found)}; {pace_text(found.calls, outlook.pace)}"
    return (
        f"at least {found.calls:,} calls, and {found.each_project:,} or more for each project: "
        "how many there are is not known before they are listed"
    )


def pace_text(calls: int, pace: Pace | None) -> str:
    """Return which share of the allowance calls are, and how long they take."""
    if pace is None:
        usual = Pace(USUAL_CALLS_AN_HOUR, USUAL_CALLS_AN_HOUR)
        return (
            "the allowance is not known yet: the first answer shows it; "
            f"{_share_text(calls, usual)} that Procore usually allows, {_time_text(calls, usual)}"
        )
    return f"{_share_text(calls, pace)} that are ours of {pace.limit:,}; {_time_text(calls, pace)}"


def pace_as_json(calls: int, pace: Pace | None) -> dict[str, Any]:
    """Return the allowance, the share of it that calls are, and the hours they take, each None if not known."""
    if pace is None:
        return {"allowance": None, "share": None, "hours": None}
    return {
        "allowance": {"limit": pace.limit, "granted": pace.granted},
        "share": round(calls / pace.granted, 4),
        "hours": round(pace.hours(calls), 2),
    }


def _calls_text(found: Forecast) -> str:
    return f"{'at least ' if found.is_least else ''}{found.calls:,} calls"


def _share_text(calls: int, pace: Pace) -> str:
    return f"{100 * calls / pace.granted:.0f}% of the {pace.granted:,} calls an hour"


def _time_text(calls: int, pace: Pace) -> str:
    minutes = pace.hours(calls) * 60
    return f"takes about {max(1, round(minutes))} min" if minutes < 90 else f"takes about {minutes / 60:.1f} h"
