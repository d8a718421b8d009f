"""What happened to records beside being stored: tracked fields that changed, drift, quarantine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from sync_worker.state.executor import Executor, Parameter
from sync_worker.state.instants import to_text
from sync_worker.state.ledger import ScopeKey
from sync_worker.state.queries import queries

RECORDS_KEPT = 1_000
"""How many records of one (stream, scope) `_quarantine` keeps; all are counted."""
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
    shared = key.parameters() | {"seen_at": to_text(seen_at)}
    values = tuple(shared.values())
    executor.insert("_field_history", (*shared, *FieldChange._fields), [values + change for change in changes])


def record_schema_changes(
    executor: Executor, key: ScopeKey, changes: Iterable[tuple[str, str]], seen_at: datetime
) -> None:
    """Say once of each (field, kind) that it drifted."""
    shared: dict[str, Parameter] = {"stream": key.stream, "run_id": key.run_id, "seen_at": to_text(seen_at)}
    rows = [shared | {"field": field, "kind": kind} for field, kind in changes]
    executor.execute_many(queries()["record_schema_change"], rows)


def quarantine_records(
    executor: Executor, key: ScopeKey, records: Sequence[tuple[str, str]], seen_at: datetime
) -> None:
    """Count (reason, record as sent) of what could not be stored, and keep as many of them as there is room for.

    Each version of a record is kept once, by the run that met it last.
    """
    if not records:
        return
    ((counted,),) = executor.execute(queries()["read_set_aside"], key.parameters())
    executor.execute(queries()["count_set_aside"], key.parameters() | {"records": len(records)})
    shared = key.parameters() | {"at": to_text(seen_at)}
    for reason, record in records[: max(0, RECORDS_KEPT - int(counted or 0))]:
        met = shared | _bounded(reason, record)
        if not executor.execute(queries()["meet_quarantined"], met):
            executor.execute(queries()["quarantine_record"], met)
    executor.execute(queries()["bound_quarantine"], key.parameters() | {"most": RECORDS_KEPT})


def _bounded(reason: str, record: str) -> dict[str, Parameter]:
    if len(record) <= CHARACTERS_KEPT:
        return {"reason": reason, "record": record}
    return {
        "reason": f"{reason}; the first {CHARACTERS_KEPT} of its {len(record)} characters are kept",
        "record": record[:CHARACTERS_KEPT],
    }


def forget_healed(executor: Executor, key: ScopeKey) -> None:
    """Drop the records of a scope that a complete reading of everything has not met again."""
    executor.execute(queries()["forget_healed"], key.parameters())


class SetAside(NamedTuple):
    """The records of a stream that `_quarantine` keeps: how many, of how many projects, and why the oldest is there."""

    stream: str
    records: int
    projects: int
    since: str
    reason: str


def set_aside(executor: Executor) -> list[SetAside]:
    """What is set aside, by stream."""
    return [SetAside(*row) for row in executor.execute(queries()["quarantined_by_stream"])]  # type: ignore[arg-type]  # the statement lists them in this order


def drifted_fields(executor: Executor) -> dict[str, list[str]]:
    """The fields that once came as something else than they are declared, by stream."""
    found: dict[str, list[str]] = {}
    for stream, field in executor.execute(queries()["drifted_fields"]):
        found.setdefault(str(stream), []).append(str(field))
    return found
