"""Worlds with very many records in one stream, for measuring: a record is a form filled in when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from procore_simulator import forms
from procore_simulator.chance import instant
from procore_simulator.draw import Draw, Place, Record
from procore_simulator.entry import Kept, ListKey
from procore_simulator.fields import key_field
from procore_simulator.ids import identity
from procore_simulator.world import World
from sync_worker.catalog import STREAMS
from sync_worker.catalog.spec import FieldType, StreamSpec
from sync_worker.clock import Clock

FORMS = 200
_TEXTS = ("description", "subject", "notes", "title", "name")
_PADDING = "Field verified with superintendent; see attached sketch and photos. "


class BulkForm:
    """A written record with blanks for its id, its last change and how often it was revised."""

    def __init__(self, record: Record, key: str) -> None:
        self.is_text_key = isinstance(record[key], str)
        self.updated_at: str | None = record.get("updated_at")
        raw = msgspec.json.encode(record).replace(b"%", b"%%")
        raw = raw.replace(str(record[key]).encode(), b"%(id)d")
        if self.updated_at is not None:
            raw = raw.replace(self.updated_at.encode(), b"%(at)b")
        self._raw = raw.replace(b"rev 0", b"rev %(rev)d")

    def fill(self, record_id: int, updated_at: str | None, revision: int) -> bytes:
        """The record of that id."""
        return self._raw % {b"id": record_id, b"at": (updated_at or "").encode(), b"rev": revision}


class Stamped(Kept):
    """A record that exists as a form and an id until somebody edits it by hand."""

    __slots__ = ("_form", "_id", "_is_edited", "_key", "_revision", "_updated_at")

    def __init__(self, stream: str, serial: int, form: BulkForm, key: str, record_id: int) -> None:
        super().__init__(stream, serial, {})
        self._form = form
        self._key = key
        self._id = record_id
        self._revision = 0
        self._updated_at = form.updated_at
        self._is_edited = False

    @property
    def record(self) -> Record:
        """The record as it stands."""
        if self._is_edited:
            return self._record
        found: Record = msgspec.json.decode(self._filled())
        return found

    def get(self, name: str) -> Any:
        """One field of it; what lists look at is there without reading the record."""
        if not self._is_edited:
            if name == "updated_at":
                return self._updated_at
            if name == self._key:
                return str(self._id) if self._form.is_text_key else self._id
        return self.record.get(name)

    def revise(self, updated_at: str) -> None:
        """Change its text and the time of its last change."""
        self._revision += 1
        self._updated_at = updated_at

    def write(self, changes: Mapping[str, Any]) -> None:
        """Change fields; from now on it is a record like any other."""
        self._record = self.record
        self._is_edited = True
        super().write(changes)

    def encoded(self, spec: StreamSpec) -> bytes:
        """The record in JSON."""
        return super().encoded(spec) if self._is_edited else self._filled()

    def _filled(self) -> bytes:
        return self._form.fill(self._id, self._updated_at, self._revision)


class BulkWorld(World):
    """A world whose one stream has `records` records, shared out over its projects, of some `record_bytes` each."""

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
        form: forms.Form = forms.Form.DESCRIBED,
    ) -> None:
        super().__init__(streams, seed=seed, projects=projects, scale=0.01, clock=clock, form=form)
        self.bulk_stream = stream
        keys = list(self.keys(stream))
        for position, key in enumerate(keys):
            count = records // len(keys) + (position < records % len(keys))
            self._lists[stream, key] = list(self._stamped(stream, key, count, record_bytes))

    def revise(self, share: float = 0.02) -> int:
        """Change that share of the stream's records, evenly spread; how many."""
        with self.lock:
            every = max(1, round(1 / share))
            now = instant(self.clock.now())
            entries = [entry for key in self.keys(self.bulk_stream) for entry in self._list(self.bulk_stream, key)]
            chosen = [entry for entry in entries[::every] if isinstance(entry, Stamped)]
            for entry in chosen:
                entry.revise(now)
            self._changed()
            return len(chosen)

    def _stamped(self, stream: str, key: ListKey, count: int, record_bytes: int) -> Sequence[Stamped]:
        spec, place = self.streams[stream], self._place(stream, key)
        name = key_field(spec) or "id"
        forms = [self._form(spec, place, name, index + 1, record_bytes) for index in range(min(FORMS, count))]
        return [
            Stamped(stream, serial, forms[serial % len(forms)], name, identity(stream, place.number, serial))
            for serial in range(1, count + 1)
        ]

    def _form(self, spec: StreamSpec, place: Place, name: str, serial: int, record_bytes: int) -> BulkForm:
        record = self._written(Draw(self.seed, spec, place, serial, None, self.founded_at, self.founded_at))
        text = next(it for it in _TEXTS if spec.fields.get(it) is FieldType.STRING)
        record[text] = f"{record[text] or ''} rev 0"
        missing = max(0, record_bytes - len(msgspec.json.encode(record)))
        record[text] += (" " + _PADDING * (missing // len(_PADDING) + 1))[:missing]
        return BulkForm(record, name)
