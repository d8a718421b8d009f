"""The inputs of one record: its place, its subject, its dates and its own random generator."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

from procore_simulator import words
from procore_simulator.cast import Company, Location, Person, Project, Vendor
from procore_simulator.chance import between, instant, seeded
from procore_simulator.ids import identity
from sync_worker.catalog.spec import StreamSpec

Record = dict[str, Any]

SIGNATURE = "__signature__"
"""A placeholder in stored URLs; every answer replaces it by a new signature."""


@dataclass(frozen=True, slots=True)
class Place:
    """The owner of a list of records: a company, and where there is one its project and the parent record."""

    company: Company
    project: Project | None = None
    parent: Record | None = None
    parent_id: int | str | None = None
    parent_serial: int = 0

    @property
    def number(self) -> int:
        """The number that ids are made from."""
        return self.project.number if self.project else self.company.number


@dataclass(slots=True)
class Draw:
    """The making of one record; `now` is the first instant of the world, or the instant of an insert.

    `span` is the part of the project's time so far in which an initial record is created, so that numbers follow dates.
    """

    seed: object
    spec: StreamSpec
    place: Place
    serial: int
    subject: Any
    founded_at: datetime
    now: datetime
    span: tuple[float, float] = (0.0, 1.0)
    rng: Random = field(init=False)
    created_at: datetime = field(init=False)
    updated_at: datetime = field(init=False)

    def __post_init__(self) -> None:
        """Choose the dates, on which all other values depend."""
        self.rng = seeded(self.seed, self.spec.name, self.place.number, self.serial)
        if self.is_added:
            self.created_at = self.updated_at = self.now.replace(microsecond=0)
            return
        self.created_at = self._within(*self.span)
        self.updated_at = between(self.rng, self.created_at, self.now)

    def _within(self, first: float, last: float) -> datetime:
        """Draw a moment in that part of the time since the project began."""
        project = self.place.project
        start = _noon(project.start_on if project else (self.now - timedelta(days=900)).date(), self.now)
        end = min(self.now, _noon(project.finish_on, self.now)) if project else self.now
        life = max(end - start, timedelta(0))
        return min(between(self.rng, start + life * first, start + life * last), self.now)

    def moment_of_life(self, share: float) -> datetime:
        """Return the instant at which that share of the project is over."""
        start = _noon(self.project.start_on, self.now)
        return start + (_noon(self.project.finish_on, self.now) - start) * share

    def early(self, share: float) -> None:
        """Move the creation into the first `share` of that time; the order of records is kept."""
        if not self.is_added:
            self.created_at = self._within(self.span[0] * share, self.span[1] * share)
            self.updated_at = between(self.rng, self.created_at, self.now)

    def happened(self, created_at: datetime, updated_at: datetime) -> None:
        """Set the dates of the record, limited to now."""
        if not self.is_added:
            self.created_at = min(created_at, self.now)
            self.updated_at = min(max(self.created_at, updated_at), self.now)

    @property
    def is_added(self) -> bool:
        """True for a record that was inserted after the first instant."""
        return self.now > self.founded_at

    def dated(self, day: date) -> None:
        """Set the dates to `day`, as for a daily log."""
        if self.is_added:
            return
        self.created_at = min(_noon(day, self.now) + timedelta(minutes=self.rng.randint(0, 600)), self.now)
        self.updated_at = min(self.created_at + timedelta(minutes=self.rng.randint(0, 2000)), self.now)

    @property
    def company(self) -> Company:
        """The company of the record."""
        return self.place.company

    @property
    def project(self) -> Project:
        """The project of the record; company records borrow one."""
        return self.place.project or self.place.company.projects[self.serial % len(self.place.company.projects)]

    @property
    def id(self) -> int:
        """The record's id."""
        return identity(self.spec.name, self.place.number, self.serial)

    def reference(self, stream: str, most: int) -> int:
        """Return the id of one of the first `most` records of another stream in this place."""
        return identity(stream, self.place.number, self.rng.randint(1, most))

    def person(self) -> Person:
        """Choose a person of the project's team."""
        return self.rng.choice(self.project.team)

    def staff(self) -> Person:
        """Choose a person of the general contractor."""
        return self.rng.choice([person for person in self.project.team if person.vendor is None])

    def sub(self) -> Person:
        """Choose a person of a subcontractor."""
        return self.rng.choice([person for person in self.project.team if person.vendor and person.vendor.builds])

    def someone_of(self, trade: str) -> Person:
        """Choose a person of a vendor of that trade, else of the general contractor."""
        found = [person for person in self.project.team if person.vendor and person.vendor.trade.name == trade]
        return self.rng.choice(found) if found else self.staff()

    def vendor(self) -> Vendor:
        """Choose a vendor of the project."""
        return self.rng.choice(self.project.vendors)

    def location(self) -> Location:
        """Choose a location of the project."""
        return self.rng.choice(self.project.locations)

    def trade(self) -> words.Trade:
        """Choose a trade of the project."""
        return self.vendor().trade

    @property
    def progress(self) -> float:
        """The elapsed share of the project, from 0 to 1."""
        return self.project.progress(self.now.date())

    def day(self, ahead: int = 30, back: int = 0) -> str:
        """Draw a date near the record's creation."""
        return (self.created_at + timedelta(days=self.rng.randint(-back, ahead))).date().isoformat()

    def moment(self) -> str:
        """Draw an instant between the record's creation and its last change."""
        return instant(between(self.rng, self.created_at, self.updated_at))

    def file_url(self, filename: str) -> str:
        """Return a signed URL on the storage host; `.example` never resolves."""
        folder = f"{self.place.company.id}/{self.id}"
        return f"https://storage.procore.example/{folder}/{filename}?X-Amz-Expires=3600&X-Amz-Signature={SIGNATURE}"

    def attachment(self, number: int = 1, extension: str = "pdf") -> Record:
        """Return an attachment of the record."""
        filename = f"{self.spec.name.rstrip('s')}_{self.serial:04d}_{number}.{extension}"
        return {
            "id": identity(f"{self.spec.name}.attachments", self.place.number, self.serial * 10 + number),
            "name": filename,
            "filename": filename,
            "url": self.file_url(filename),
        }


def _noon(day: date, like: datetime) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=like.tzinfo)
