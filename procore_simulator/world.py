"""The data of the simulated Procore and the edits to it.

Two worlds with the same seed, size and first instant hold the same records, in any order of reading.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from procore_simulator.cast import Company, Project, cast_company, cast_project
from procore_simulator.chance import instant
from procore_simulator.clocks import SteppedClock
from procore_simulator.draw import Record
from procore_simulator.entry import Entry, ListKey, Truth
from procore_simulator.forms import Form
from procore_simulator.store import RecordStore
from sync_worker.catalog import STREAMS
from sync_worker.catalog.spec import StreamSpec
from sync_worker.clock import Clock


class World:
    """Companies, projects and all their records, with methods that change them; safe to use from several threads.

    `version` counts the edits, `steps` the days that `changes.change` has let pass.
    """

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
        self.clock: Clock = clock or SteppedClock()
        self.founded_at = self.clock.now().replace(minute=0, second=0, microsecond=0)
        self.version = 0
        self.steps = 0
        cast = [cast_company(seed, index, projects, self.founded_at) for index in range(companies)]
        self.store = RecordStore(streams, cast, seed=seed, scale=scale, form=form, founded_at=self.founded_at)
        self.lock = self.store.lock

    @property
    def companies(self) -> Sequence[Company]:
        """The companies, first one first."""
        return list(self.store.companies.values())

    @property
    def company_id(self) -> int:
        """The first company's id."""
        return self.companies[0].id

    @property
    def project_ids(self) -> list[int]:
        """The projects of the first company, inactive ones too."""
        return [project.id for project in self.companies[0].projects]

    def company(self, company_id: int) -> Company | None:
        """Return the company of that id."""
        return self.store.companies.get(company_id)

    def project(self, project_id: int) -> tuple[Company, Project] | None:
        """Return the project of that id, with its company."""
        return next(
            ((company, it) for company in self.companies for it in company.projects if it.id == project_id), None
        )

    def records(self, stream: str, *, project_id: int | None = None, deleted: bool = False) -> list[Truth]:
        """Return what a complete copy of a stream would hold; `deleted` records only on request.

        File URLs end in a placeholder where answers carry a signature.
        """
        with self.lock:
            return [
                Truth(*key, entry.is_deleted, self.store.record_of(stream, entry))
                for key in self.store.keys(stream)
                if project_id is None or key.project_id == project_id
                for entry in self.store.entries(stream, key)
                if deleted or not entry.is_deleted
            ]

    def find(self, stream: str, record_id: int | str, *, project_id: int | None = None) -> Record:
        """Return the record of that id, deleted or not; KeyError when there is none."""
        return self.store.find(stream, record_id, project_id)[1].record

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
        with self._editing():
            key = self.store.first_key(self.store.home(stream), ListKey(company_id, project_id, parent_id))
            entry = self.store.add(stream, key, None, max(self.clock.now(), self.founded_at))
            entry.write(fields or {})
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
        with self._editing():
            entry = self.store.find(stream, record_id, project_id)[1]
            entry.write(changes)
            if touch:
                self._touch(entry)
            return entry.record

    def delete(self, stream: str, record_id: int | str, *, project_id: int | None = None) -> None:
        """Put a record into the recycle bin, without a trace in `updated_at`, as Procore does."""
        with self._editing():
            self.store.find(stream, record_id, project_id)[1].mark_deleted(instant(self.clock.now()))

    def restore(self, stream: str, record_id: int | str, *, project_id: int | None = None) -> None:
        """Take a record out of the recycle bin."""
        with self._editing():
            self.store.find(stream, record_id, project_id)[1].mark_deleted("")

    def purge(self, stream: str, record_id: int | str, *, project_id: int | None = None) -> None:
        """Remove a record for good: no list and no recycle bin shows it any more."""
        with self._editing():
            key, entry = self.store.find(stream, record_id, project_id)
            self.store.list_at(stream, key).remove(entry)

    def move(self, stream: str, record_id: int | str, project_id: int) -> None:
        """Give a record to another project of its company."""
        with self._editing():
            key, entry = self.store.find(stream, record_id)
            self.store.list_at(stream, key).remove(entry)
            self.store.list_at(stream, key._replace(project_id=project_id)).append(entry)
            if "project_id" in entry.record:
                entry.write({"project_id": project_id})
            self._touch(entry)

    def delete_first(self, stream: str, key: ListKey) -> None:
        """Delete the first live record of a list, as another user might while a list is paged."""
        with self._editing():
            entry = next((entry for entry in self.store.list_at(stream, key) if not entry.is_deleted), None)
            if entry is not None:
                entry.mark_deleted(instant(self.clock.now()))

    def put_last_first(self, stream: str, key: ListKey) -> None:
        """Sort the last record of a list before the others, as a list sorted by the last change does."""
        with self._editing():
            entries = self.store.list_at(stream, key)
            entries.insert(0, entries.pop())

    def add_project(self, *, company_id: int | None = None) -> int:
        """Add a project with everything in it and return its id."""
        with self._editing():
            company = self.store.companies[company_id or self.company_id]
            key = ListKey(company.id)
            # The list has to exist before the company knows the project, or it would begin with it.
            self.store.list_at("projects", key)
            project = cast_project(self.seed, company, len(company.projects) + 1, self.founded_at)
            self.store.companies[company.id] = replace(company, projects=(*company.projects, project))
            entry = self.store.add("projects", key, project, max(self.clock.now(), self.founded_at))
            entry.write({"active": True})
            self._touch(entry)
            return project.id

    @contextmanager
    def _editing(self) -> Iterator[None]:
        with self.lock:
            yield
            self.version += 1

    def _touch(self, entry: Entry) -> None:
        if "updated_at" in entry.record:
            entry.write({"updated_at": instant(self.clock.now())})
