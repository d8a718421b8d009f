"""Worlds with millions of records in one stream, for measuring. A record is a template until it is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from procore_simulator.chance import instant
from procore_simulator.draw import Draw, Place, Record
from procore_simulator.entry import Entry, ListKey
from procore_simulator.fields import key_field
from procore_simulator.forms import Form
from procore_simulator.ids import identity
from procore_simulator.world import World
from sync_worker.catalog import STREAMS
from sync_worker.catalog.spec import FieldType, StreamSpec
from sync_worker.clock import Clock

TEMPLATES = 200
_TEXTS = ("description", "subject", "notes", "title", "name")
_PADDING = "Field verified with superintendent; see attached sketch and photos. "


class Template:
    """An encoded record with blanks for its id, its `updated_at` and its revision number."""

    def __init__(self, record: Record, key: str) -> None:
        self.is_text_key = isinstance(record[key], str)
        self.updated_at: str | None = record.get("updated_at")
        raw = msgspec.json.encode(record).replace(b"%", b"%%")
        raw = raw.replace(str(record[key]).encode(), b"%(id)d")
        if self.updated_at is not None:
            raw = raw.replace(self.updated_at.encode(), b"%(at)b")
        self._raw = raw.replace(b"rev 0", b"rev %(rev)d")

    def fill(self, record_id: int, updated_at: str | None, revision: int) -> bytes:
        return self._raw % {b"id": record_id, b"at": (updated_at or "").encode(), b"rev": revision}


class BulkEntry(Entry):
    """A record that is a template and an id until it is edited."""

    __slots__ = ("_id", "_is_edited", "_key", "_revision", "_template", "_updated_at")

    def __init__(self, stream: str, serial: int, template: Template, key: str, record_id: int) -> None:
        super().__init__(stream, serial, {})
        self._template = template
        self._key = key
        self._id = record_id
        self._revision = 0
        self._updated_at = template.updated_at
        self._is_edited = False

    @property
    def record(self) -> Record:
        """The record with its current values."""
        if self._is_edited:
            return self._record
        found: Record = msgspec.json.decode(self._filled())
        return found

    def get(self, name: str) -> Any:
        """Return one field. The key and `updated_at`, which lists filter by, need no decoding."""
        if not self._is_edited:
            if name == "updated_at":
                return self._updated_at
            if name == self._key:
                return str(self._id) if self._template.is_text_key else self._id
        return self.record.get(name)

    def revise(self, updated_at: str) -> None:
        """Change its text and its `updated_at`."""
        self._revision += 1
        self._updated_at = updated_at

    def write(self, changes: Mapping[str, Any]) -> None:
        """Change fields and keep the whole record from now on."""
        self._record = self.record
        self._is_edited = True
        super().write(changes)

    def encoded(self, spec: StreamSpec) -> bytes:
        return super().encoded(spec) if self._is_edited else self._filled()

    def _filled(self) -> bytes:
        return self._template.fill(self._id, self._updated_at, self._revision)


class BulkWorld(World):
    """A world in which one stream has `records` records of about `record_bytes` each, spread over its projects."""

    def __init__(
        self,
        stream: str,
        records: int,
        *,
        streams: Mapping[str, StreamSpec] = STREAMS,
        projects: int = 1,
        record_bytes: int = 2_000,
        seed: int = 0,
        clock: Clock | None = None,
        form: Form = Form.DESCRIBED,
    ) -> None:
        super().__init__(streams, seed=seed, projects=projects, scale=0.01, clock=clock, form=form)
        self.bulk_stream = stream
        keys = list(self.store.keys(stream))
        for position, key in enumerate(keys):
            count = records // len(keys) + (position < records % len(keys))
            self.store.fill(stream, key, self._entries_of(stream, key, count, record_bytes))

    def revise(self, share: float = 0.02) -> int:
        """Change that share of the stream's records, evenly spread, and return how many."""
        with self._editing():
            every = max(1, round(1 / share))
            now = instant(self.clock.now())
            stream = self.bulk_stream
            entries = [entry for key in self.store.keys(stream) for entry in self.store.list_at(stream, key)]
            chosen = [entry for entry in entries[::every] if isinstance(entry, BulkEntry)]
            for entry in chosen:
                entry.revise(now)
            return len(chosen)

    def _entries_of(self, stream: str, key: ListKey, count: int, record_bytes: int) -> Sequence[BulkEntry]:
        spec, place = self.streams[stream], self.store.place(stream, key)
        name = key_field(spec) or "id"
        templates = [
            self._template(spec, place, name, index + 1, record_bytes) for index in range(min(TEMPLATES, count))
        ]
        return [
            BulkEntry(stream, serial, templates[serial % len(templates)], name, identity(stream, place.number, serial))
            for serial in range(1, count + 1)
        ]

    def _template(self, spec: StreamSpec, place: Place, name: str, serial: int, record_bytes: int) -> Template:
        record = self.store.write(Draw(self.seed, spec, place, serial, None, self.founded_at, self.founded_at))
        text = next(it for it in _TEXTS if spec.fields.get(it) is FieldType.STRING)
        record[text] = f"{record[text] or ''} rev 0"
        missing = max(0, record_bytes - len(msgspec.json.encode(record)))
        record[text] += (" " + _PADDING * (missing // len(_PADDING) + 1))[:missing]
        return Template(record, name)
