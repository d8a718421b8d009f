"""The companies, people, vendors and projects that exist from the start.

Records refer to these and never to other records, so each record can be made by itself and still agree with the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from unicodedata import normalize

from procore_simulator import words
from procore_simulator.chance import CENT, seeded, some
from procore_simulator.ids import identity

Reference = dict[str, Any]
PROJECTS_OF_COMPANY = 1_000
_ALWAYS_NEEDED = 4.0
_OTHERWISE_NEEDED = 0.6


@dataclass(frozen=True, slots=True)
class Vendor:
    """A firm of the directory: a subcontractor, a designer or an owner, by its trade."""

    id: int
    name: str
    trade: words.Trade
    city: str
    state: str
    is_active: bool

    @property
    def domain(self) -> str:
        """The mail domain of its people; `.example` never resolves."""
        return _plain(self.name.split(",")[0]) + ".example"

    @property
    def builds(self) -> bool:
        """True for a subcontractor."""
        return self.trade in words.TRADES

    def reference(self) -> Reference:
        """Return the object that records hold for it."""
        return {"id": self.id, "name": self.name}


@dataclass(frozen=True, slots=True)
class Person:
    """A user of the company's directory; `vendor` is None for the company's own staff."""

    id: int
    first_name: str
    last_name: str
    job_title: str
    email: str
    vendor: Vendor | None
    is_active: bool

    @property
    def name(self) -> str:
        """First and last name."""
        return f"{self.first_name} {self.last_name}"

    def reference(self) -> Reference:
        """Return the object that records hold for the person."""
        return {"id": self.id, "login": self.email, "name": self.name}


@dataclass(frozen=True, slots=True)
class Location:
    """A place on site; `name` is the full path."""

    id: int
    name: str
    node_name: str
    parent_id: int | None


@dataclass(frozen=True, slots=True)
class Project:
    """A project with the people, vendors and locations that its records refer to.

    `vendors` are its subcontractors, one of a trade; the designers and the owner are in `team` through their people.
    """

    number: int
    id: int
    name: str
    code: str
    site: words.Site
    stage: str
    is_active: bool
    start_on: date
    finish_on: date
    value: Decimal
    team: tuple[Person, ...]
    vendors: tuple[Vendor, ...]
    owner: Vendor
    locations: tuple[Location, ...]

    def progress(self, day: date) -> float:
        """Return the elapsed share of the project, from 0 to 1."""
        return max(0.0, min(1.0, (day - self.start_on).days / (self.finish_on - self.start_on).days))

    def reference(self) -> Reference:
        """Return the object that records hold for it."""
        return {"id": self.id, "name": self.name}


@dataclass(frozen=True, slots=True)
class Company:
    """A general contractor with everything below it."""

    number: int
    id: int
    name: str
    people: tuple[Person, ...]
    vendors: tuple[Vendor, ...]
    projects: tuple[Project, ...] = field(default=())

    def active(self, *trades: str) -> Sequence[Vendor]:
        """Return the active vendors of these trades."""
        return [vendor for vendor in self.vendors if vendor.is_active and vendor.trade.name in trades]


def cast_company(seed: object, index: int, projects: int, now: datetime) -> Company:
    """Make the company with that number and its projects as they are at `now`."""
    number = index * PROJECTS_OF_COMPANY
    rng = seeded(seed, "company", index)
    name = words.COMPANIES[index % len(words.COMPANIES)]
    if index >= len(words.COMPANIES):
        name = f"{name} {index // len(words.COMPANIES) + 1}"
    vendors = tuple(_vendors(rng, number))
    people = tuple(_people(rng, number, name, vendors))
    company = Company(number, identity("companies", number, 1), name, people, vendors)
    found = tuple(cast_project(seed, company, position + 1, now) for position in range(projects))
    return Company(number, company.id, name, people, vendors, found)


def cast_project(seed: object, company: Company, position: int, now: datetime) -> Project:
    """Make the company's project at that position, counted from 1."""
    number = company.number + position
    rng = seeded(seed, "project", number)
    site = words.SITES[(position - 1) % len(words.SITES)]
    phase = (position - 1) // len(words.SITES)
    # One project in seven is over, so that lists of active projects are shorter than lists of all.
    is_active = position % 7 != 0
    stage = words.STAGES_IN_TURN[(position - 1) % len(words.STAGES_IN_TURN)] if is_active else "Warranty"
    start_on = (now - timedelta(days=rng.randint(*words.STAGES[stage]))).date()
    vendors = _subcontractors(rng, company)
    owner = company.active("Owner")[(position - 1) % len(words.SITES)]
    return Project(
        number=number,
        id=identity("projects", company.number, position),
        name=f"{site.name} – Phase {phase + 1}" if phase else site.name,
        code=f"{start_on:%y}-{100 + position}",
        site=site,
        stage=stage,
        is_active=is_active,
        start_on=start_on,
        finish_on=start_on + timedelta(days=rng.randint(420, 540)),
        value=(Decimal(site.value) * Decimal(1 + phase / 10)).quantize(CENT),
        team=tuple(_team(rng, company, vendors, owner)),
        vendors=tuple(vendors),
        owner=owner,
        locations=tuple(_locations(rng, number)),
    )


def _vendors(rng: Random, number: int) -> list[Vendor]:
    stems = rng.sample(words.VENDOR_STEMS, len(words.VENDOR_STEMS))
    # One vendor for every trade, then a second one for the first half of the trades.
    trades = (*words.TRADES, *words.TRADES[: len(words.TRADES) // 2])
    found = []
    for serial, trade in enumerate(trades, start=1):
        stem = stems[(serial * 3 + serial // len(stems)) % len(stems)]
        site = rng.choice(words.SITES)
        name = f"{stem} {trade.suffix} {rng.choice(words.VENDOR_ENDINGS)}"
        found.append(
            Vendor(identity("vendors", number, serial), name, trade, site.city, site.state, is_active=serial % 10 != 0)
        )
    return found + _designers_and_owners(number, len(found))


def _designers_and_owners(number: int, before: int) -> list[Vendor]:
    by_name = {trade.name: trade for trade in words.ALL_TRADES}
    firms = [
        *((name, by_name[trade], words.SITES[0]) for name, trade in words.DESIGNERS),
        *((name, words.OWNER_TRADE, site) for name, site in zip(words.OWNERS, words.SITES, strict=True)),
    ]
    return [
        Vendor(identity("vendors", number, serial), name, trade, site.city, site.state, is_active=True)
        for serial, (name, trade, site) in enumerate(firms, start=before + 1)
    ]


def _subcontractors(rng: Random, company: Company) -> list[Vendor]:
    """Choose one vendor for each trade that the project needs."""
    found: list[Vendor] = []
    for trade in words.TRADES:
        firms = company.active(trade.name)
        if firms and (trade.percent > _ALWAYS_NEEDED or rng.random() < _OTHERWISE_NEEDED):
            found.append(rng.choice(firms))
    return found


def _people(rng: Random, number: int, company: str, vendors: Sequence[Vendor]) -> list[Person]:
    own_domain = "".join(word for word in company.lower().split()[:2] if word.isalpha()) + ".example"
    found: list[Person] = []
    taken: set[str] = set()
    employers: list[Vendor | None] = [None] * 26
    for firm in vendors:
        # Two people for each designer, so that one is active when the other is not.
        employers += [firm] * (2 if firm.trade in words.DESIGN_TRADES else firm.is_active)
    for serial, vendor in enumerate(employers, start=1):
        first, last = rng.choice(words.FIRST_NAMES), rng.choice(words.LAST_NAMES)
        while f"{first} {last}" in taken:
            first, last = rng.choice(words.FIRST_NAMES), rng.choice(words.LAST_NAMES)
        taken.add(f"{first} {last}")
        titles = words.DESIGNER_TITLES.get(vendor.trade.name, words.VENDOR_TITLES) if vendor else ()
        title = rng.choice(titles) if titles else words.STAFF_TITLES[(serial - 1) % len(words.STAFF_TITLES)]
        login = f"{_plain(first)}.{_plain(last)}@{vendor.domain if vendor else own_domain}"
        is_active = serial % 13 != 0
        found.append(Person(identity("company_users", number, serial), first, last, title, login, vendor, is_active))
    return found


def _plain(name: str) -> str:
    decomposed = normalize("NFKD", name.lower())
    return "".join(letter for letter in decomposed if letter.isascii() and letter.isalpha())


def _team(rng: Random, company: Company, vendors: Sequence[Vendor], owner: Vendor) -> list[Person]:
    people = [person for person in company.people if person.is_active]
    staff = rng.sample([person for person in people if person.vendor is None], 8)
    designers = [rng.choice(company.active(trade.name)) for trade in words.DESIGN_TRADES]
    return staff + [person for person in people if person.vendor in (*vendors, *designers, owner)]


def _locations(rng: Random, number: int) -> list[Location]:
    found: list[Location] = []
    for area in words.AREAS:
        parent = Location(identity("locations", number, len(found) + 1), area, area, None)
        found.append(parent)
        for room in some(rng, words.ROOMS[area], 5):
            serial = len(found) + 1
            found.append(Location(identity("locations", number, serial), f"{area}>{room}", room, parent.id))
    return found
