"""A record as the world keeps it: with where it lives, whether it is deleted, and its bytes once written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import msgspec

from procore_simulator.draw import Record
from sync_worker.catalog.spec import StreamSpec

_ENCODER = msgspec.json.Encoder()


class ListKey(NamedTuple):
    """Which list of a stream: that of a company, of a project, of a parent record."""

    company_id: int | None = None
    project_id: int | None = None
    parent_id: int | str | None = None


class Truth(NamedTuple):
    """A record with where it lives, as the simulator itself knows it."""

    company_id: int | None
    project_id: int | None
    parent_id: int | str | None
    is_deleted: bool
    record: Record


class Entry(Protocol):
    """What lists need of a record."""

    deleted_at: str
    """When it was put into the recycle bin; empty while it lives."""

    @property
    def is_deleted(self) -> bool:
        """Whether it is in the recycle bin."""
        ...

    @property
    def record(self) -> Record:
        """The record as it stands."""
        ...

    def get(self, name: str) -> Any:
        """One field of it, None where it has no such field."""
        ...

    def encoded(self, spec: StreamSpec) -> bytes:
        """The record in JSON, as that stream shows it."""
        ...


class Kept:
    """A record held in memory; its bytes are written once for each of its versions."""

    __slots__ = ("_bytes", "_record", "deleted_at", "serial", "stream")

    def __init__(self, stream: str, serial: int, record: Record) -> None:
        self.stream = stream
        self.serial = serial
        self.deleted_at = ""
        self._record = record
        self._bytes: bytes | None = None

    @property
    def is_deleted(self) -> bool:
        """Whether it is in the recycle bin."""
        return bool(self.deleted_at)

    @property
    def record(self) -> Record:
        """The record as it stands."""
        return self._record

    def get(self, name: str) -> Any:
        """One field of it, None where it has no such field."""
        return self._record.get(name)

    def write(self, changes: Mapping[str, Any]) -> None:
        """Change fields; a dotted path reaches into objects and, by position, into arrays."""
        for path, value in changes.items():
            _assign(self._record, path.split("."), value)
        self._bytes = None

    def encoded(self, spec: StreamSpec) -> bytes:
        """The record in JSON, as that stream shows it."""
        if spec.name != self.stream:
            return _ENCODER.encode(shown(spec, self._record))
        if self._bytes is None:
            self._bytes = _ENCODER.encode(self._record)
        return self._bytes


def shown(spec: StreamSpec, record: Record) -> Record:
    """A record as a companion list shows it: with that list's fields alone."""
    return {name: record.get(name) for name in spec.fields}


def _assign(target: Any, steps: list[str], value: Any) -> None:
    *way, last = [int(step) if step.isdigit() else step for step in steps]
    for step in way:
        target = target[step]
    target[last] = value
