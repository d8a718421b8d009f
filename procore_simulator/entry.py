"""A record as the store keeps it: with its place, its deletion and its encoded bytes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from procore_simulator.draw import Record
from sync_worker.catalog.spec import StreamSpec

_ENCODER = msgspec.json.Encoder()


class ListKey(NamedTuple):
    """One list of a stream: that of the account, of a company, of a project or of a parent record."""

    company_id: int | None = None
    project_id: int | None = None
    parent_id: int | str | None = None


class Truth(NamedTuple):
    """A record with its place and whether it is deleted: what a correct copy would hold."""

    company_id: int | None
    project_id: int | None
    parent_id: int | str | None
    is_deleted: bool
    record: Record


class Entry:
    """A record in memory; it is encoded once for each of its versions."""

    __slots__ = ("_bytes", "_record", "deleted_at", "serial", "stream")

    def __init__(self, stream: str, serial: int, record: Record) -> None:
        self.stream = stream
        self.serial = serial
        self.deleted_at = ""
        self._record = record
        self._bytes: bytes | None = None

    @property
    def is_deleted(self) -> bool:
        """True while the record is in the recycle bin."""
        return bool(self.deleted_at)

    @property
    def record(self) -> Record:
        """The record with its current values."""
        return self._record

    def get(self, name: str) -> Any:
        """Return one field, None where the record does not have it."""
        return self._record.get(name)

    def write(self, changes: Mapping[str, Any]) -> None:
        """Set fields; a dotted path reaches into objects and, by position, into arrays."""
        for path, value in changes.items():
            _assign(self._record, path.split("."), value)
        self._bytes = None

    def mark_deleted(self, deleted_at: str) -> None:
        """Put the record into the recycle bin at that instant; an empty text takes it out again."""
        self.deleted_at = deleted_at
        marks = {"deleted_at": deleted_at or None, "deleted": self.is_deleted}
        self.write({name: value for name, value in marks.items() if name in self.record})

    def encoded(self, spec: StreamSpec) -> bytes:
        """Return the record in JSON, with the fields of that stream."""
        # A list of inactive records is a view of another stream, with fewer fields.
        if spec.name != self.stream:
            return _ENCODER.encode(select_fields(spec, self._record))
        if self._bytes is None:
            self._bytes = _ENCODER.encode(self._record)
        return self._bytes


def select_fields(spec: StreamSpec, record: Record) -> Record:
    """Return only the fields that `spec` declares; a list of inactive records shows fewer."""
    return {name: record.get(name) for name in spec.fields}


def _assign(target: Any, steps: list[str], value: Any) -> None:
    *way, last = [int(step) if step.isdigit() else step for step in steps]
    for step in way:
        target = target[step]
    target[last] = value
