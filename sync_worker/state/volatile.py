"""What was learned of records that differ at every reading: paths of signed URLs, and lists that never rest."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sync_worker.state.executor import Executor, Parameter
from sync_worker.state.instants import to_text
from sync_worker.state.ledger import ScopeKey
from sync_worker.state.queries import queries

_PATHS_AT_MOST = 100
_ALL = 0.9
"""The share that is as good as all: a few records may be new, or have been changed back."""
_READINGS = 2
RECORDS_TOLD = 10
"""What people may well change twice in a row is not told of."""


def read_volatile_paths(executor: Executor, stream: str) -> frozenset[str]:
    """Return the paths that were learned of a stream."""
    return frozenset(str(path) for (path,) in executor.execute(queries()["read_volatile_paths"], {"stream": stream}))


def all_volatile_paths(executor: Executor) -> dict[str, list[str]]:
    """Return all paths that were learned, by stream."""
    found: dict[str, list[str]] = {}
    for stream, path in executor.execute(queries()["all_volatile_paths"]):
        found.setdefault(str(stream), []).append(str(path))
    return found


def learn_volatile_paths(executor: Executor, stream: str, paths: Iterable[str], at: datetime) -> frozenset[str]:
    """Keep more paths of a stream, up to a bound, and return all of them."""
    known = read_volatile_paths(executor, stream)
    found = sorted(set(paths) - known)[: max(0, _PATHS_AT_MOST - len(known))]
    rows: list[Mapping[str, Parameter]] = [
        {"stream": stream, "path": path, "learned_at": to_text(at)} for path in found
    ]
    executor.execute_many(queries()["learn_volatile_path"], rows)
    return known.union(found)


def rehash_parents(executor: Executor, hashes: Mapping[str, str]) -> None:
    """Let what is kept of nested lists name rows by their new hash, by the old one: they are the same."""
    rows: list[Mapping[str, Parameter]] = [{"before": before, "after": after} for before, after in hashes.items()]
    for name in ("rehash_parents_read", "rehash_parents_refused"):
        executor.execute_many(queries()[name], rows)


def record_reading(
    executor: Executor, key: ScopeKey, *, known: int, updated: int, fields: Mapping[str, int], version: str | None
) -> None:
    """Keep whether all `known` records of a list that was read whole had changed, and in which fields.

    `fields` says in how many records each differed although their version did not; where all versions did, that is the
    field.
    """
    if not known or updated < _ALL * known:
        executor.execute(queries()["forget_restless"], key.parameters())
        return
    found = sorted(field for field, records in fields.items() if records >= _ALL * known)
    names = found or ([version] if version and not fields else [])
    given = key.parameters() | {"records": known, "fields": json.dumps(names)}
    executor.execute(queries()["record_restless"], given)


class UnstableStream(NamedTuple):
    """A stream of which every record is written again at every reading, and the fields that differ each time."""

    stream: str
    records: int
    fields: Sequence[str]


def unstable_streams(executor: Executor) -> list[UnstableStream]:
    """Return the streams with lists of which all records had changed in their last two readings."""
    least: Mapping[str, Parameter] = {"readings": _READINGS, "records": RECORDS_TOLD}
    found = executor.execute(queries()["restless_streams"], least)
    return [UnstableStream(str(stream), int(records or 0), _named(str(fields))) for stream, records, fields in found]


def _named(lists: str) -> list[str]:
    return sorted({field for fields in json.loads(lists) for field in json.loads(fields)})
