"""The records of every list, made from the seed when a list is first read and kept from then on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from threading import RLock
from typing import Any

from procore_simulator.cast import Company
from procore_simulator.draw import Draw, Place, Record
from procore_simulator.entry import Entry, ListKey, select_fields
from procore_simulator.fields import key_field
from procore_simulator.forms import Form, apply_form
from procore_simulator.ids import CHILDREN_OF_ONE
from procore_simulator.stories import initial_subjects, write
from sync_worker.catalog.spec import ScopeKind, StreamSpec

INACTIVE = "_inactive"


class RecordStore:
    """The lists of all streams by `ListKey`; the order in which they are first read does not change what they hold."""

    def __init__(
        self,
        streams: Mapping[str, StreamSpec],
        companies: Iterable[Company],
        *,
        seed: int,
        scale: float,
        form: Form,
        founded_at: datetime,
    ) -> None:
        self.streams = streams
        self.companies = {company.id: company for company in companies}
        self.lock = RLock()
        self._seed = seed
        self._scale = scale
        self._form = form
        self._founded_at = founded_at
        self._lists: dict[tuple[str, ListKey], list[Entry]] = {}
        # Counted separately from the lists, so that the number of a moved or purged record is not used again.
        self._made: dict[tuple[str, ListKey], int] = {}

    def keys(self, stream: str) -> Iterator[ListKey]:
        """Yield the key of every list of a stream."""
        spec = self.streams[stream]
        if spec.parent is not None:
            for key in self.keys(spec.parent.stream):
                for entry in self.entries(spec.parent.stream, key):
                    if not entry.is_deleted:
                        yield key._replace(parent_id=entry.record[spec.parent.key])
        elif spec.scope is ScopeKind.ACCOUNT:
            yield ListKey()
        else:
            for company in self.companies.values():
                if spec.scope is ScopeKind.COMPANY:
                    yield ListKey(company.id)
                else:
                    yield from (ListKey(company.id, project.id) for project in company.projects)

    def first_key(self, stream: str, wanted: ListKey) -> ListKey:
        """Return the first list that agrees with the ids in `wanted`; KeyError when there is none."""
        for key in self.keys(stream):
            if all(want in (None, have) for want, have in zip(wanted, key, strict=True)):
                return key
        raise KeyError(f"{stream} has no list for {wanted}")

    def entries(self, stream: str, key: ListKey) -> Sequence[Entry]:
        """Return the records of one list in order of their ids, deleted ones included."""
        name = self.home(stream)
        entries = self.list_at(stream, key)
        if name + INACTIVE not in self.streams:
            return entries
        wants_active = stream == name
        return [entry for entry in entries if (entry.get("is_active") is not False) is wants_active]

    def list_at(self, stream: str, key: ListKey) -> list[Entry]:
        """Return the list itself, not a copy: changes to it are kept."""
        name = self.home(stream)
        with self.lock:
            found = self._lists.get((name, key))
            if found is None:
                found = self.fill(name, key, self._initial_entries(name, key))
            return found

    def fill(self, stream: str, key: ListKey, entries: Iterable[Entry]) -> list[Entry]:
        """Set the records that a list begins with."""
        found = self._lists[stream, key] = list(entries)
        self._made[stream, key] = len(found)
        return found

    def add(self, stream: str, key: ListKey, subject: Any, now: datetime) -> Entry:
        """Append a record that is created at `now`."""
        name = self.home(stream)
        with self.lock:
            entries = self.list_at(name, key)
            entry = self._make(name, key, self._made[name, key], subject, now)
            self._made[name, key] += 1
            entries.append(entry)
            return entry

    def find(self, stream: str, record_id: int | str, project_id: int | None = None) -> tuple[ListKey, Entry]:
        """Return the record of that id and the key of its list; KeyError when there is none."""
        name = self.home(stream)
        field = key_field(self.streams[name]) or "id"
        for key in self.keys(name):
            if project_id is None or key.project_id == project_id:
                for entry in self.list_at(name, key):
                    if entry.get(field) == record_id:
                        return key, entry
        raise KeyError(f"{stream} has no record {record_id}")

    def parent(self, spec: StreamSpec, key: ListKey) -> Entry | None:
        """Return the record that a nested list belongs to."""
        if spec.parent is None:
            return None
        scope = self.streams[spec.parent.stream].scope
        if scope is ScopeKind.ACCOUNT:
            parent_key = ListKey()
        else:
            parent_key = ListKey(key.company_id, key.project_id if scope is ScopeKind.PROJECT else None)
        wanted = str(key.parent_id)
        entries = self.list_at(spec.parent.stream, parent_key)
        return next((entry for entry in entries if str(entry.get(spec.parent.key)) == wanted), None)

    def place(self, stream: str, key: ListKey) -> Place:
        """Return the company, project and parent record that the records of a list refer to."""
        companies = self.companies
        company = companies[key.company_id] if key.company_id else next(iter(companies.values()))
        project = next((it for it in company.projects if it.id == key.project_id), None)
        spec = self.streams[stream]
        if spec.parent is None:
            return Place(company, project)
        parent = self.parent(spec, key)
        if parent is None:
            raise KeyError(f"{spec.parent.stream} has no record {key.parent_id}")
        return Place(company, project, parent.record, key.parent_id, parent.serial)

    def home(self, stream: str) -> str:
        """Return the stream that keeps the records: a list of inactive ones is a view of the list of all."""
        base = stream.removesuffix(INACTIVE)
        return base if base in self.streams else stream

    def record_of(self, stream: str, entry: Entry) -> Record:
        """Return a record with the fields that the stream's list shows."""
        return entry.record if self.home(stream) == stream else select_fields(self.streams[stream], entry.record)

    def write(self, draw: Draw) -> Record:
        """Write the record that was drawn, in the form of this world."""
        return apply_form(draw, write(draw), self._form)

    def _initial_entries(self, stream: str, key: ListKey) -> list[Entry]:
        now = self._founded_at
        if key.company_id is None:
            return [self._make(stream, ListKey(company_id), 0, None, now) for company_id in self.companies]
        subjects = initial_subjects(
            self.streams[stream], self.place(stream, key), seed=self._seed, scale=self._scale, founded_at=now
        )
        of = len(subjects)
        return [
            self._make(stream, key, index, subject, now, (index / of, (index + 1) / of))
            for index, subject in enumerate(subjects)
        ]

    def _make(
        self,
        stream: str,
        key: ListKey,
        index: int,
        subject: Any,
        now: datetime,
        span: tuple[float, float] = (0.0, 1.0),
    ) -> Entry:
        place = self.place(stream, key)
        serial = place.parent_serial * CHILDREN_OF_ONE + index + 1
        draw = Draw(self._seed, self.streams[stream], place, serial, subject, self._founded_at, now, span)
        return Entry(stream, serial, self.write(draw))
