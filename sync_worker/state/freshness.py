"""Freshness and last verdicts of each stream, from the ledger."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sync_worker.model import Verdict
from sync_worker.state.history import LatestScope


class StreamFreshness(NamedTuple):
    """A stream's oldest mark with the project it is of, and its scopes by their last verdict."""

    stream: str
    oldest_mark: datetime | None
    oldest_project: int | None
    scopes: Mapping[str, int]


def freshness(scopes: Sequence[LatestScope], resting: Collection[int] = ()) -> list[StreamFreshness]:
    """Return the freshness of each stream; the age of `resting` projects does not count, as nobody works on them."""
    by_stream: dict[str, list[LatestScope]] = defaultdict(list)
    for scope in scopes:
        by_stream[scope.stream].append(scope)
    return [_freshness(stream, found, resting) for stream, found in by_stream.items()]


def _freshness(stream: str, scopes: Sequence[LatestScope], resting: Collection[int]) -> StreamFreshness:
    # What may not be read any more would make the rest look older every day.
    marked = [
        (scope.mark, scope.project_id)
        for scope in scopes
        if scope.mark and scope.verdict != Verdict.NOT_PERMITTED and scope.project_id not in resting
    ]
    mark, project_id = min(marked, key=lambda found: found[0], default=(None, None))
    counted = Counter(scope.verdict for scope in scopes)
    return StreamFreshness(stream, mark, project_id, {verdict: counted[verdict] for verdict in Verdict})
