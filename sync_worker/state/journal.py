"""Tracked fields that changed, schema drift and quarantined records."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from sync_worker.model import Scope
from sync_worker.state.executor import Executor, Parameter
from sync_worker.state.ledger import ScopeKey
from sync_worker.state.queries import queries
from sync_worker.state.rows import execute, fetch

RECORDS_KEPT = 1_000
"""Most records of one (stream, scope) that `_quarantine` keeps; all are counted."""
CHARACTERS_KEPT = 65_536


class FieldChange(NamedTuple):
    """A tracked field with its value before (None at the first load) and after; `changed_at` is Procore's."""

    record_key: str
    field: str
    old_value: Parameter
    new_value: Parameter
    changed_at: Parameter


def record_field_changes(executor: Executor, key: ScopeKey, changes: Iterable[FieldChange], seen_at: datetime) -> None:
    """Append to the history of tracked fields."""
    shared = (key.run_id, key.stream, *key.scope, seen_at)
    columns = ("run_id", "stream", *Scope._fields, "seen_at", *FieldChange._fields)
    executor.insert("_field_history", columns, [(*shared, *change) for change in changes])


def record_schema_changes(
    executor: Executor, key: ScopeKey, changes: Iterable[tuple[str, str]], seen_at: datetime
) -> None:
    """Record each (field, kind) that drifted, once."""
    shared: dict[str, Parameter] = {"stream": key.stream, "run_id": key.run_id, "seen_at": seen_at}
    rows = [shared | {"field": field, "kind": kind} for field, kind in changes]
    executor.execute_many(queries()["record_schema_change"], rows)


def quarantine_records(
    executor: Executor, key: ScopeKey, records: Sequence[tuple[str, str]], seen_at: datetime
) -> None:
    """Count records that could not be stored, given as (reason, record as sent), and keep up to `RECORDS_KEPT` of them.

    Each version of a record is kept once, by the run that met it last.
    """
    if not records:
        return
    ((counted,),) = executor.execute(queries()["read_set_aside"], key.parameters())
    execute(executor, "count_set_aside", **key.parameters(), records=len(records))
    reasons: dict[str, list[str]] = defaultdict(list)
    for reason, text in itertools.starmap(_bounded, records[: max(0, RECORDS_KEPT - counted)]):
        reasons[text].append(reason)
    for text, met in reasons.items():
        # A record that an earlier run quarantined keeps its `at`; one that came more often than then is new.
        known = fetch(executor, _Quarantined, "take_quarantined", **key.parameters(), record=text)
        again = [row._replace(run_id=key.run_id) for row in known[: len(met)]]
        new = [_Quarantined(key.run_id, seen_at, reason) for reason in met[len(known) :]]
        rows = [key.parameters() | row._asdict() | {"record": text} for row in (*again, *new, *known[len(met) :])]
        executor.execute_many(queries()["quarantine_record"], rows)
    execute(executor, "bound_quarantine", **key.parameters(), most=RECORDS_KEPT)


class _Quarantined(NamedTuple):
    run_id: str
    at: datetime
    reason: str


def _bounded(reason: str, record: str) -> tuple[str, str]:
    if len(record) <= CHARACTERS_KEPT:
        return reason, record
    kept = f"the first {CHARACTERS_KEPT} of its {len(record)} characters are kept"
    return f"{reason}; {kept}", record[:CHARACTERS_KEPT]


def forget_healed(executor: Executor, key: ScopeKey) -> None:
    """Drop the quarantined records of a scope that a complete read of everything has not met again."""
    execute(executor, "forget_healed", **key.parameters())


class QuarantinedStream(NamedTuple):
    """The quarantined records of a stream: their number, that of their projects, and the reason of the oldest."""

    stream: str
    records: int
    projects: int
    since: datetime
    reason: str


def quarantined_streams(executor: Executor) -> list[QuarantinedStream]:
    """Return the quarantined records by stream."""
    return fetch(executor, QuarantinedStream, "quarantined_by_stream")


def drifted_fields(executor: Executor) -> dict[str, list[str]]:
    """Return the fields that came with another type than they are declared with, by stream."""
    found: dict[str, list[str]] = {}
    for stream, field in executor.execute(queries()["drifted_fields"]):
        found.setdefault(stream, []).append(field)
    return found
