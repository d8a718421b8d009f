"""What `run --dry-run` says."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator

from sync_worker.app import Request, foresee
from sync_worker.catalog.declared import catalog_with
from sync_worker.cli.context import CliContext
from sync_worker.cli.table import table
from sync_worker.planning.selection import select
from sync_worker.runner.forecast import Forecast, Foreseen
from sync_worker.settings import Settings
from sync_worker.state.instants import to_text


def tell_forecast(cli: CliContext, settings: Settings, request: Request) -> int:
    """Print what the request would ask for; always succeeds."""
    if settings.destination.type == "sqlite" and not settings.destination.path.exists():
        select(request.streams, catalog_with(settings.streams))
        found = Forecast((), projects_known=False)
    else:
        found = foresee(settings, request)
    print(json.dumps(as_json(found), indent=2) if cli.json else "\n".join(as_text(found)))
    return 0


def as_json(found: Forecast) -> dict[str, object]:
    """The one object that `run --dry-run --json` prints."""
    return {
        "calls_at_least": found.calls,
        "projects_known": found.projects_known,
        "streams": [
            {
                "stream": part.stream,
                **part.scope._asdict(),
                "window_from": _start(part),
                "window_to": to_text(part.window.end),
                "calls_at_least": part.calls,
            }
            for part in found.partitions
        ],
    }


def as_text(found: Forecast) -> Iterator[str]:
    """A line for each stream, then all in one."""
    by_stream: dict[str, list[Foreseen]] = defaultdict(list)
    for part in found.partitions:
        by_stream[part.stream].append(part)
    if by_stream:
        lines = [
            (stream, len(parts), _since(parts), sum(part.calls for part in parts))
            for stream, parts in by_stream.items()
        ]
        yield from table(("stream", "scopes", "reads since", "calls at least"), lines)
    if not found.projects_known:
        yield "No projects are stored yet: a listing of companies and one of projects come first, and tell the rest."
    yield f"would spend at least {found.calls or 2} calls; nothing was asked, nothing was written"


def _since(parts: list[Foreseen]) -> str:
    starts = [_start(part) for part in parts]
    return "everything" if None in starts else min(start for start in starts if start)


def _start(part: Foreseen) -> str | None:
    return to_text(part.window.start) if part.window.start else None
