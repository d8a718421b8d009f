"""The data of the simulated Procore: records by stream and list, made when first asked for, changed by hand or by plan.

Two worlds with the same seed, size and first instant hold the same records, whatever was asked of them in which order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from threading import RLock
from typing import Any

from procore_simulator.cast import Company, Project, cast_company, cast_project
from procore_simulator.chance import instant
from procore_simulator.clocks import SteppedClock
from procore_simulator.draw import Draw, Place, Record
from procore_simulator.entry import Entry, Kept, ListKey, Truth, shown
from procore_simulator.fields import key_field
from procore_simulator.forms import Form, formed
from procore_simulator.ids import CHILDREN_OF_ONE
from procore_simulator.stories import founding_subjects, write
from sync_worker.catalog import STREAMS
from sync_worker.catalog.spec import ScopeKind, StreamSpec
from sync_worker.clock import Clock

INACTIVE = "_inactive"


class World:
    """Everything there is to read, and the hands that change it; safe to use from several threads."""

    def __init__(
        self,
        streams: Mapping[str, StreamSpec] = STREAMS,
        *,
        seed: int = 0,
        projects: int = 12,
        companies: int = 1,
        scale: float = 1.0,
        clock: Clock | None = None,
        form: Form = Form.DESCRIBED,
    ) -> None:
        self.streams = streams
        self.seed = seed
        self.scale = scale
        self.form = form
        self.clock: Clock = clock or SteppedClock()
        self.founded_at = self.clock.now().replace(minute=0, second=0, microsecond=0)
        self.version = 0
        self.steps = 0
        self.lock = RLock()
        cast = [cast_company(seed, index, projects, self.founded_at) for index in range(companies)]
        self._companies = {company.id: company for company in cast}
        self._lists: dict[tuple[str, ListKey], list[Kept]] = {}
        # Records that moved away leave their numbers to nobody.
        self._made: dict[tuple[str, ListKey], int] = {}

    @property
    def companies(self) -> Sequence[Company]:
        """The companies, first one first."""
        return list(self._companies.values())

    @property
    def company_id(self) -> int:
        """The first company's id."""
        return self.companies[0].id

    @property
    def project_ids(self) -> list[int]:
        """The projects of the first company, inactive ones too."""
        return [project.id for project in self.companies[0].projects]

    def company(self, company_id: int) -> Company | None:
        """The company of that id."""
        return self._companies.get(company_id)

    def project(self, project_id: int) -> tuple[Company, Project] | None:
        """The project of that id, with its company."""
        return next(
            ((company, it) for company in self.companies for it in company.projects if it.id == project_id), None
        )

    def home(self, stream: str) -> str:
        """The stream that keeps the records: a list of inactive ones is a view of the list of all."""
        base = stream.removesuffix(INACTIVE)
        return base if base in self.streams else stream

    def entries(self, stream: str, key: ListKey) -> Sequence[Entry]:
        """The records of one list in order of their ids, deleted ones too."""
        name = self.home(stream)
        kept = self._list(name, key)
        if not self._is_split(name):
            return kept
        wanted = stream == name
        return [entry for entry in kept if (entry.get("is_active") is not False) is wanted]

    def keys(self, stream: str) -> Iterator[ListKey]:
        """Every list of a stream."""
        spec = self.streams[stream]
        if spec.parent is not None:
            yield from self._nested_keys(spec)
        elif spec.scope is ScopeKind.ACCOUNT:
            yield ListKey()
        else:
            for company in self.companies:
                if spec.scope is ScopeKind.COMPANY:
                    yield ListKey(company.id)
                else:
                    yield from (ListKey(company.id, project.id) for project in company.projects)

    def records(self, stream: str, *, project_id: int | None = None, deleted: bool = False) -> list[Truth]:
        """What a complete copy of a stream would hold; `deleted` records only when asked for.

        File addresses end in a placeholder where answers carry a signature.
        """
        spec = self.streams[stream]
        with self.lock:
            return [
                Truth(*key, entry.is_deleted, self._as_shown(spec, entry))
                for key in self.keys(stream)
                if project_id is None or key.project_id == project_id
                for entry in self.entries(stream, key)
                if deleted or not entry.is_deleted
            ]

    def find(self, stream: str, record_id: int | str, *, project_id: int | None = None) -> Record:
        """The record of that id, deleted or not; KeyError when there is none."""
        return self._found(stream, record_id, project_id)[1].record

    def insert(
        self,
        stream: str,
        fields: Mapping[str, Any] | None = None,
        *,
        company_id: int | None = None,
        project_id: int | None = None,
        parent_id: int | str | None = None,
    ) -> Record:
        """Add a believable record, created now, to the first list that fits; `fields` are set on top."""
        with self.lock:
            name = self.home(stream)
            key = self._first_key(name, ListKey(company_id, project_id, parent_id))
            kept = self._list(name, key)
            made = self._made.get((name, key), len(kept))
            entry = self._compose(name, key, made, None)
            self._made[name, key] = made + 1
            entry.write(fields or {})
            kept.append(entry)
            self._changed()
            return entry.record

    def update(
        self,
        stream: str,
        record_id: int | str,
        changes: Mapping[str, Any],
        *,
        project_id: int | None = None,
        touch: bool = True,
    ) -> Record:
        """Change fields of a record, `a.b` and `a.0.b` reaching inside; `touch` moves its `updated_at` to now."""
        with self.lock:
            entry = self._found(stream, record_id, project_id)[1]
            entry.write(changes)
            if touch:
                self._touch(entry)
            self._changed()
            return entry.record

    def delete(self, stream: str, record_id: int | str, *, project_id: int | None = None) -> None:
        """Put a record into the recycle bin, without a trace in `updated_at`, as Procore does."""
        self._bin(stream, record_id, project_id, is_deleted=True)

    def restore(self, stream: str, record_id: int | str, *, project_id: int | None = None) -> None:
        """Take a record out of the recycle bin."""
        self._bin(stream, record_id, project_id, is_deleted=False)

    def purge(self, stream: str, record_id: int | str, *, project_id: int | None = None) -> None:
        """Remove a record for good: no list, no recycle bin tells of it."""
        with self.lock:
            key, entry = self._found(stream, record_id, project_id)
            self._list(self.home(stream), key).remove(entry)
            self._changed()

    def delete_first(self, stream: str, key: ListKey) -> None:
        """Delete the first live record of a list, as somebody else may while a list is paged."""
        with self.lock:
            entry = next((entry for entry in self._list(self.home(stream), key) if not entry.is_deleted), None)
            if entry is not None:
                self._put(entry, instant(self.clock.now()))

    def put_last_first(self, stream: str, key: ListKey) -> None:
        """Sort the last record of a list before the others, as a list of what was saved last does."""
        with self.lock:
            kept = self._list(self.home(stream), key)
            kept.insert(0, kept.pop())
            self._changed()

    def move(self, stream: str, record_id: int | str, project_id: int) -> None:
        """Give a record to another project of its company."""
        with self.lock:
            key, entry = self._found(stream, record_id, None)
            self._list(stream, key).remove(entry)
            self._list(stream, key._replace(project_id=project_id)).append(entry)
            if "project_id" in entry.record:
                entry.write({"project_id": project_id})
            self._touch(entry)
            self._changed()

    def add_project(self, *, company_id: int | None = None) -> int:
        """A new project with everything in it; its id."""
        with self.lock:
            company = self._companies[company_id or self.company_id]
            key = ListKey(company.id)
            kept = self._list("projects", key)
            project = cast_project(self.seed, company, len(company.projects) + 1, self.founded_at)
            self._companies[company.id] = replace(company, projects=(*company.projects, project))
            entry = self._compose("projects", key, len(kept), project)
            entry.write({"active": True})
            self._touch(entry)
            kept.append(entry)
            self._changed()
            return project.id

    def _first_key(self, stream: str, wanted: ListKey) -> ListKey:
        for key in self.keys(stream):
            if all(want in (None, have) for want, have in zip(wanted, key, strict=True)):
                return key
        raise KeyError(f"{stream} has no list for {wanted}")

    def _bin(self, stream: str, record_id: int | str, project_id: int | None, *, is_deleted: bool) -> None:
        with self.lock:
            entry = self._found(stream, record_id, project_id)[1]
            self._put(entry, instant(self.clock.now()) if is_deleted else "")

    def _put(self, entry: Kept, deleted_at: str) -> None:
        entry.deleted_at = deleted_at
        marks = {"deleted_at": deleted_at or None, "deleted": entry.is_deleted}
        entry.write({name: value for name, value in marks.items() if name in entry.record})
        self._changed()

    def _changed(self) -> None:
        self.version += 1

    def _touch(self, entry: Kept) -> None:
        if "updated_at" in entry.record:
            entry.write({"updated_at": instant(self.clock.now())})

    def _found(self, stream: str, record_id: int | str, project_id: int | None) -> tuple[ListKey, Kept]:
        name = self.home(stream)
        field = key_field(self.streams[name]) or "id"
        for key in self.keys(name):
            if project_id is None or key.project_id == project_id:
                for entry in self._list(name, key):
                    if entry.get(field) == record_id:
                        return key, entry
        raise KeyError(f"{stream} has no record {record_id}")

    def _list(self, stream: str, key: ListKey) -> list[Kept]:
        with self.lock:
            found = self._lists.get((stream, key))
            if found is None:
                found = self._lists[stream, key] = self._found_list(stream, key)
                self._made[stream, key] = len(found)
            return found

    def _found_list(self, stream: str, key: ListKey) -> list[Kept]:
        if key.company_id is None:
            return [self._compose(stream, ListKey(company.id), 0, None, founding=True) for company in self.companies]
        place = self._place(stream, key)
        subjects = founding_subjects(
            self.streams[stream], place, seed=self.seed, scale=self.scale, founded_at=self.founded_at
        )
        return [
            self._compose(stream, key, index, it, founding=True, of=len(subjects)) for index, it in enumerate(subjects)
        ]

    def _compose(
        self, stream: str, key: ListKey, index: int, subject: Any, *, founding: bool = False, of: int = 1
    ) -> Kept:
        place = self._place(stream, key)
        serial = place.parent_serial * CHILDREN_OF_ONE + index + 1
        now = self.founded_at if founding else max(self.clock.now(), self.founded_at)
        span = (index / of, (index + 1) / of) if founding else (0.0, 1.0)
        draw = Draw(self.seed, self.streams[stream], place, serial, subject, self.founded_at, now, span)
        return Kept(stream, serial, self._written(draw))

    def _written(self, draw: Draw) -> Record:
        return formed(draw, write(draw), self.form)

    def _place(self, stream: str, key: ListKey) -> Place:
        company = self._companies[key.company_id] if key.company_id else self.companies[0]
        project = next((it for it in company.projects if it.id == key.project_id), None)
        spec = self.streams[stream]
        if spec.parent is None:
            return Place(company, project)
        parent = self.parent(spec, key)
        if parent is None:
            raise KeyError(f"{spec.parent.stream} has no record {key.parent_id}")
        return Place(company, project, parent.record, key.parent_id, parent.serial)

    def parent(self, spec: StreamSpec, key: ListKey) -> Kept | None:
        """The record that a nested list belongs to."""
        if spec.parent is None:
            return None
        parent_key = self._parent_key(spec, key)
        wanted = str(key.parent_id)
        kept = self._list(self.home(spec.parent.stream), parent_key)
        return next((entry for entry in kept if str(entry.get(spec.parent.key)) == wanted), None)

    def _parent_key(self, spec: StreamSpec, key: ListKey) -> ListKey:
        parent = self.streams[spec.parent.stream] if spec.parent else spec
        if parent.scope is ScopeKind.ACCOUNT:
            return ListKey()
        return ListKey(key.company_id, key.project_id if parent.scope is ScopeKind.PROJECT else None)

    def _nested_keys(self, spec: StreamSpec) -> Iterator[ListKey]:
        if spec.parent is None:
            return
        for key in self.keys(spec.parent.stream):
            for entry in self.entries(spec.parent.stream, key):
                if not entry.is_deleted:
                    yield key._replace(parent_id=entry.record[spec.parent.key])

    def _is_split(self, name: str) -> bool:
        return name + INACTIVE in self.streams

    def _as_shown(self, spec: StreamSpec, entry: Entry) -> Record:
        return entry.record if self.home(spec.name) == spec.name else shown(spec, entry.record)
