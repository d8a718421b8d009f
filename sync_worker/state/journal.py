"""What happened to records beside being stored: tracked fields that changed, drift, quarantine."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple, cast

from sync_worker.state.executor import Executor, Parameter
from sync_worker.state.instants import to_text
from sync_worker.state.ledger import ScopeKey
from sync_worker.state.queries import queries


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
    executor: Executor, key: ScopeKey, records: Iterable[tuple[str, str]], seen_at: datetime
) -> None:
    """Keep (reason, record as sent) of what could not be stored: each version of a record once, by its last run."""
    shared = key.parameters() | {"at": to_text(seen_at)}
    for reason, record in records:
        met = shared | {"reason": reason, "record": record}
        if not executor.execute(queries()["meet_quarantined"], met):
            executor.execute(queries()["quarantine_record"], met)


def quarantined_by_stream(executor: Executor) -> dict[str, int]:
    """How many records of each stream are set aside."""
    return dict(cast("list[tuple[str, int]]", executor.execute(queries()["quarantined_by_stream"])))
