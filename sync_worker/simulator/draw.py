"""What a record is drawn from: where it lives, what it is about, when it came to be, and its own chance."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

from sync_worker.catalog.spec import StreamSpec
from sync_worker.simulator import words
from sync_worker.simulator.cast import Company, Location, Person, Project, Vendor
from sync_worker.simulator.chance import between, instant, seeded
from sync_worker.simulator.ids import identity

Record = dict[str, Any]

SIGNATURE = "__signature__"
"""Stands in stored URLs where every answer puts a new signature."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a list of records lives: a company, maybe a project of it, maybe a parent record."""

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
    """The making of one record; `now` is when the world began, or the instant of an insert."""

    seed: object
    spec: StreamSpec
    place: Place
    serial: int
    subject: Any
    founded_at: datetime
    now: datetime
    rng: Random = field(init=False)
    created_at: datetime = field(init=False)
    updated_at: datetime = field(init=False)

    def __post_init__(self) -> None:
        """Settle the dates, which all else depends on."""
        self.rng = seeded(self.seed, self.spec.name, self.place.number, self.serial)
        if self.now > self.founded_at:
            self.created_at = self.updated_at = self.now.replace(microsecond=0)
            return
        start_on = self.project.start_on if self.place.project else (self.now - timedelta(days=900)).date()
        self.created_at = between(self.rng, _noon(start_on, self.now), self.now)
        self.updated_at = between(self.rng, self.created_at, self.now)

    def dated(self, day: date) -> None:
        """Let the record be written on `day`, as daily logs are."""
        if self.now > self.founded_at:
            return
        self.created_at = min(_noon(day, self.now) + timedelta(minutes=self.rng.randint(0, 600)), self.now)
        self.updated_at = min(self.created_at + timedelta(minutes=self.rng.randint(0, 2000)), self.now)

    @property
    def company(self) -> Company:
        """The company it lives in."""
        return self.place.company

    @property
    def project(self) -> Project:
        """The project it lives in; company records borrow one."""
        return self.place.project or self.place.company.projects[self.serial % len(self.place.company.projects)]

    @property
    def id(self) -> int:
        """The record's id."""
        return identity(self.spec.name, self.place.number, self.serial)

    def reference(self, stream: str, most: int) -> int:
        """The id of one of the first `most` records of another stream of this place."""
        return identity(stream, self.place.number, self.rng.randint(1, most))

    def person(self) -> Person:
        """Someone of the project's team."""
        return self.rng.choice(self.project.team)

    def staff(self) -> Person:
        """Someone of the general contractor."""
        return self.rng.choice([person for person in self.project.team if person.vendor is None])

    def sub(self) -> Person:
        """Someone of a subcontractor."""
        return self.rng.choice([person for person in self.project.team if person.vendor is not None])

    def vendor(self) -> Vendor:
        """A vendor of the project."""
        return self.rng.choice(self.project.vendors)

    def location(self) -> Location:
        """A location of the project."""
        return self.rng.choice(self.project.locations)

    def trade(self) -> words.Trade:
        """A trade."""
        return self.rng.choice(words.TRADES)

    def day(self, ahead: int = 30, back: int = 0) -> str:
        """A date near the record's creation."""
        return (self.created_at + timedelta(days=self.rng.randint(-back, ahead))).date().isoformat()

    def moment(self) -> str:
        """An instant between the record's creation and its last change."""
        return instant(between(self.rng, self.created_at, self.updated_at))

    def file_url(self, filename: str) -> str:
        """A signed address on the storage host; `.example` never resolves."""
        folder = f"{self.place.company.id}/{self.id}"
        return f"https://storage.procore.example/{folder}/{filename}?X-Amz-Expires=3600&X-Amz-Signature={SIGNATURE}"

    def attachment(self, number: int = 1, extension: str = "pdf") -> Record:
        """A file hung onto the record."""
        filename = f"{self.spec.name.rstrip('s')}_{self.serial:04d}_{number}.{extension}"
        return {
            "id": identity(f"{self.spec.name}.attachments", self.place.number, self.serial * 10 + number),
            "name": filename,
            "filename": filename,
            "url": self.file_url(filename),
        }


def _noon(day: date, like: datetime) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=like.tzinfo)
