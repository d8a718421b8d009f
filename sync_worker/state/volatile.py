"""Records that differ in every response: the paths of their signed URLs, and lists in which all records change."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from sync_worker.state.executor import Executor
from sync_worker.state.ledger import ScopeKey
from sync_worker.state.queries import queries
from sync_worker.state.rows import execute, fetch

_PATHS_AT_MOST = 100
_ALL = 0.9
"""The share that counts as all: a few records may be new, or have been changed back."""
_READINGS = 2
RECORDS_TOLD = 10
"""Smaller lists are not reported: people may well change all their records twice in a row."""


def read_volatile_paths(executor: Executor, stream: str) -> frozenset[str]:
    """Return the paths that were learned of a stream."""
    rows = executor.execute(queries()["read_volatile_paths"], {"stream": stream})
    return frozenset(json.loads(rows[0][0]) if rows else ())


def all_volatile_paths(executor: Executor) -> dict[str, list[str]]:
    """Return all paths that were learned, by stream."""
    return {stream: json.loads(paths) for stream, paths in executor.execute(queries()["all_volatile_paths"])}


def learn_volatile_paths(executor: Executor, stream: str, paths: Iterable[str]) -> frozenset[str]:
    """Keep more paths of a stream, up to a bound, and return all of them."""
    known = read_volatile_paths(executor, stream)
    # Bounded, because a record may have as many paths as it likes, and each costs time in every record.
    found = known.union(sorted(set(paths) - known)[: max(0, _PATHS_AT_MOST - len(known))])
    if found != known:
        execute(executor, "write_volatile_paths", stream=stream, volatile_paths=json.dumps(sorted(found)))
    return found


def rehash_parents(executor: Executor, hashes: Mapping[str, str]) -> None:
    """Replace the hashes of parent rows where nested lists refer to them, given as old hash to new hash."""
    rows = [{"before": before, "after": after} for before, after in hashes.items()]
    for name in ("rehash_parents_read", "rehash_parents_refused"):
        executor.execute_many(queries()[name], rows)


def record_reading(
    executor: Executor, key: ScopeKey, *, known: int, updated: int, fields: Mapping[str, int], version: str | None
) -> None:
    """Record whether all `known` records of a list that was read whole had changed, and in which fields.

    `fields` says in how many records each differed although their version did not; where all versions did, that is the
    field.
    """
    if not known or updated < _ALL * known:
        execute(executor, "forget_restless", **key.parameters())
        return
    found = sorted(field for field, records in fields.items() if records >= _ALL * known)
    names = found or ([version] if version and not fields else [])
    execute(executor, "record_restless", **key.parameters(), records=known, fields=json.dumps(names))


class UnstableStream(NamedTuple):
    """A stream of which every record is written again at every reading, and the fields that differ each time."""

    stream: str
    records: int
    fields: Sequence[str]


class _UnstableList(NamedTuple):
    stream: str
    records: int
    fields: str


def unstable_streams(executor: Executor) -> list[UnstableStream]:
    """Return the streams with lists of which all records had changed in their last two readings."""
    records: Counter[str] = Counter()
    fields: dict[str, set[str]] = defaultdict(set)
    for line in fetch(executor, _UnstableList, "restless_lists", readings=_READINGS):
        records[line.stream] += line.records
        fields[line.stream].update(json.loads(line.fields))
    return [
        UnstableStream(stream, found, sorted(fields[stream]))
        for stream, found in records.items()
        if found >= RECORDS_TOLD
    ]
