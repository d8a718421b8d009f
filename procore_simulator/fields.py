"""Believable values for any declared field: by its name where the name is known, else by its type."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from procore_simulator import words
from procore_simulator.cast import Location, Person, Vendor
from procore_simulator.chance import amount, instant, maybe, money, seeded, some
from procore_simulator.draw import Draw, Record
from procore_simulator.ids import identity
from sync_worker.catalog.spec import FieldType, StreamSpec

Maker = Callable[[Draw], Any]

_PROSE = ("text", "reason", "notes", "comments", "_name", "_title", "_description", "contents", "notice")


def fill(draw: Draw, written: Record) -> Record:
    """Return the record with every declared field, in the catalog's order; written fields are kept."""
    given = _identifiers(draw) | written
    invented = {name: invent(draw, name, type_) for name, type_ in draw.spec.fields.items() if name not in given}
    invented |= _agreeing(draw, given | invented, invented)
    return {name: given[name] if name in given else invented[name] for name in draw.spec.fields}


_PERIODS = (("start_date", "end_date"), ("period_start", "period_end"), ("requisition_start", "requisition_end"))
_DAYS_OF_DELAY = (3, 20)
_OF_CLOSED = ("closed_at", "closed_by", "completed_at", "closed_date")


def _agreeing(draw: Draw, record: Record, invented: Record) -> Record:
    """Return corrections of invented fields that would contradict others of the same record."""
    found: Record = {}
    for first, last in _PERIODS:
        days = record.get(first), record.get(last)
        if {first, last} <= invented.keys() and None not in days:
            found[first], found[last] = sorted(map(str, days))
    status = record.get("status")
    if isinstance(status, str) and status.lower() not in ("closed", "complete", "approved"):
        found |= {name: None for name in _OF_CLOSED if name in invented}
    elif "closed_at" in invented and draw.spec.fields["closed_at"] is FieldType.DATETIME:
        found["closed_at"] = instant(draw.updated_at)
    if "date_notified" in invented:
        found["date_notified"] = draw.created_at.date().isoformat()
    return found


def key_field(spec: StreamSpec) -> str | None:
    """Return the field that holds a record's own id; None where there is none."""
    if "id" in spec.fields:
        return "id"
    return next((name for name in spec.primary_key if name in spec.fields and name not in spec.scope_columns), None)


def _identifiers(draw: Draw) -> Record:
    spec = draw.spec
    found: Record = {}
    if key := key_field(spec):
        found[key] = str(draw.id) if spec.fields[key] is FieldType.STRING else draw.id
    if spec.parent is not None and spec.parent.param in spec.fields:
        found[spec.parent.param] = draw.place.parent_id
    return found


def invent(draw: Draw, name: str, type_: FieldType) -> Any:
    """Invent a value for a field that no story writes."""
    maker = _BY_NAME[type_].get(name)
    return maker(draw) if maker else _BY_TYPE[type_](draw, name)


def named(draw: Draw, stream: str, serial: int, name: str) -> Record:
    """Return the id and name of an entry in one of the company's lists."""
    return {"id": identity(stream, draw.company.number, serial), "name": name}


def choice(stream: str, *names: str) -> Maker:
    """Return a maker that chooses an entry of one of the company's lists."""

    def choose(draw: Draw) -> Record:
        serial = draw.rng.randrange(len(names))
        return named(draw, stream, serial + 1, names[serial])

    return choose


def location(draw: Draw) -> Record:
    """Choose a location, as records hold it."""
    return location_of(draw, draw.location())


def location_of(draw: Draw, found: Location) -> Record:
    """Return that location as records hold it."""
    stamp = instant(draw.founded_at - timedelta(days=500))
    return {
        "id": found.id, "name": found.name, "node_name": found.node_name, "parent_id": found.parent_id,
        "created_at": stamp, "updated_at": stamp,
    }  # fmt: skip


def trade(draw: Draw) -> Record:
    """Choose a trade, as records hold it."""
    found = draw.trade()
    return {
        "id": identity("trades", draw.company.number, words.TRADES.index(found) + 1),
        "name": found.name, "active": True, "updated_at": instant(draw.founded_at - timedelta(days=700)),
    }  # fmt: skip


def cost_code(draw: Draw) -> Record:
    """Choose a cost code, as records hold it."""
    found = draw.trade()
    serial = words.TRADES.index(found) + 1
    return {
        "id": identity("cost_codes", draw.place.number, serial),
        "name": found.cost_code, "full_code": found.code, "code": found.code.rpartition("-")[2],
    }  # fmt: skip


def named_cost_code(draw: Draw) -> Record:
    """Choose a cost code, as RFIs, punch items and logs hold it."""
    found = cost_code(draw)
    return {"id": found["id"], "name": found["name"]}


def wbs_code(draw: Draw) -> Record:
    """Choose a work breakdown structure code, as records hold it."""
    found = draw.trade()
    return {
        "id": identity("wbs_codes", draw.place.number, words.TRADES.index(found) + 1),
        "flat_code": f"{found.code}.S", "description": f"{found.cost_code}.Commitment",
    }  # fmt: skip


def specification_section(draw: Draw) -> Record:
    """Choose a specification section, as records hold it."""
    return section_of(draw, draw.trade())


def section_of(draw: Draw, found: words.Trade) -> Record:
    """Return the specification section of a trade, as records hold it."""
    number = found.section
    return {
        "id": identity("specification_sections", draw.place.number, words.TRADES.index(found) + 1),
        "number": number, "description": found.cost_code, "label": f"{number} - {found.cost_code}",
        "current_revision_id": draw.reference("specification_section_revisions", 20),
    }  # fmt: skip


def custom_fields(draw: Draw) -> Record:
    """Return values of the company's custom fields, keyed by the id of their definition."""
    found: Record = {}
    values: tuple[tuple[str, Any], ...] = (
        ("string", draw.rng.choice(("Bulletin 04", "", "ASI-07", "Überprüft", None))),
        ("decimal", round(draw.rng.uniform(0, 40), 2)),
        ("boolean", draw.rng.random() < 0.5),
        ("lov_entry", _lov_entry(draw)),
    )
    for serial, (data_type, value) in enumerate(values, start=1):
        definition = identity("custom_field_definitions", draw.company.number, serial)
        found[f"custom_field_{definition}"] = {"data_type": data_type, "value": value}
    return found


def _lov_entry(draw: Draw) -> Record | None:
    labels = ("Structural", "Civil", "Architectural", "MEP")
    serial = draw.rng.randint(1, len(labels))
    return maybe(draw.rng, {"id": identity("lov_entries", 0, serial), "label": labels[serial - 1]}, 0.7)


def attachments(draw: Draw) -> list[Record]:
    """Return no attachments for most records, one or two for the others."""
    return [draw.attachment(number + 1) for number in range(draw.rng.choice((0, 0, 0, 1, 2)))]


def unnamed(attachment: Record) -> Record:
    """Return an attachment without `name`; some tools send only `filename`."""
    return {name: it for name, it in attachment.items() if name != "name"}


def phrase(draw: Draw) -> str:
    """Return a sentence that fits the tool. Title and description of a record share it."""
    rng = seeded(draw.seed, "phrase", draw.spec.name, draw.place.number, draw.serial)
    for key, phrases in words.PHRASES.items():
        if key in draw.spec.name:
            return rng.choice(phrases)
    return draw.spec.name.rstrip("s").replace("_", " ").capitalize() + f" {draw.serial}"


def with_vendor(person: Person) -> Record:
    """Return a person with their employer."""
    return {
        "id": person.id, "name": person.name, "initials": person.first_name[0] + person.last_name[0],
        "vendor": person.vendor.reference() if person.vendor else None,
    }  # fmt: skip


def _person(draw: Draw) -> Record:
    return draw.person().reference()


def _people(draw: Draw) -> list[Record]:
    return [person.reference() for person in some(draw.rng, draw.project.team, 3)]


def _firm(draw: Draw) -> Vendor:
    """Return the vendor of the record; all its vendor fields name the same one."""
    rng = seeded(draw.seed, "vendor", draw.spec.name, draw.place.number, draw.serial)
    return rng.choice(draw.project.vendors)


def _vendor(draw: Draw) -> Record:
    return _firm(draw).reference()


def _cost_impact(draw: Draw) -> Record:
    return _impact(draw, draw.rng.randint(1, 40) * 250)


def _schedule_impact(draw: Draw) -> Record:
    return _impact(draw, draw.rng.randint(*_DAYS_OF_DELAY))


def _impact(draw: Draw, value: int) -> Record:
    status = draw.rng.choice(("no_impact", "no_impact", "tbd", "yes_unknown", "yes_known"))
    return {"status": status, "value": value if status == "yes_known" else None}


def _text(draw: Draw, name: str) -> str | None:
    if name.endswith("_url") or name == "url":
        return draw.file_url(f"{draw.spec.name}_{draw.serial}.pdf")
    if name.endswith("_id"):
        return str(draw.reference(name.removesuffix("_id") + "s", 9))
    if name.endswith("_at"):
        return instant(draw.updated_at if name == "updated_at" else draw.created_at)
    if name.endswith(("date", "_on")):
        return draw.day()
    if name.endswith(("amount", "_total", "change_orders")):
        return money(amount(draw.rng, 0, 90_000))
    prose = phrase(draw) if name.endswith(_PROSE) else None
    return draw.rng.choice((None, "", prose, prose))


def _one_of(names: tuple[str, ...]) -> Maker:
    return lambda draw: draw.rng.choice(names)


def _phone(draw: Draw) -> str:
    return f"({draw.rng.randint(201, 989)}) 555-0{draw.rng.randint(100, 199)}"


# Logs are written by day: hours from 6 to 17.
_RANGES = (
    ("hour", 6, 17), ("minute", 0, 59), ("_count", 0, 12), ("size", 0, 4_000_000), ("duration", 1, 40),
    ("variance", -10, 10),
)  # fmt: skip
# Numbers that are neither sums nor quantities: integers, never sent as text.
_WHOLE = ("_id", "_count", "_hour", "_minute", "duration", "variance")


def _integer(draw: Draw, name: str) -> int | None:
    rng = draw.rng
    if name in {"position", "number", "row_number", "relative_position"}:
        return draw.serial % 1_000_000
    if name.endswith("_id"):
        stream = name.removesuffix("_id") + "s"
        return maybe(rng, draw.reference(stream, 9), 0.6)
    for ending, least, most in _RANGES:
        if name.endswith(ending):
            return rng.randint(least, most)
    return maybe(rng, rng.randint(0, 40), 0.85)


def _decimal(draw: Draw, name: str) -> str | int | None:
    rng = draw.rng
    if name.endswith(_WHOLE):
        return _integer(draw, name)
    if "percent" in name:
        return money(rng.choice((0, 5, 10, 25, 50, 80, 100)))
    if "hours" in name:
        return f"{rng.choice((0, 4, 6, 8, 8, 8, 10))}.0"
    if "quantity" in name:
        return f"{rng.uniform(1, 500):.4f}"
    return maybe(rng, money(amount(rng, 10, 250_000)), 0.92)


def _boolean(draw: Draw, name: str) -> bool:
    likely = name in {"is_active", "active", "viewable", "current", "current_revision", "company_visible"}
    return likely if draw.rng.random() < 0.85 else not likely


def _datetime(draw: Draw, name: str) -> str | None:
    if name in {"created_at", "datetime", "log_datetime"}:
        return instant(draw.created_at)
    if name == "updated_at":
        return instant(draw.updated_at)
    if name == "deleted_at":
        return None
    return maybe(draw.rng, draw.moment(), 0.6)


def _date(draw: Draw, name: str) -> str | None:
    if name in {"date", "log_date", "direct_cost_date", "billing_date"}:
        return draw.created_at.date().isoformat()
    if name in {"created_at", "updated_at"}:
        return draw.created_at.date().isoformat()
    return maybe(draw.rng, draw.day(), 0.8)


def _object(draw: Draw, name: str) -> Record | None:
    if name.endswith(("_by", "manager", "inspector", "approver", "reviewer", "assignee", "employee", "party")):
        return _person(draw)
    return maybe(
        draw.rng, named(draw, f"{name}s", draw.rng.randint(1, 9), draw.rng.choice(("Standard", "General"))), 0.6
    )


def _array(draw: Draw, name: str) -> list[Any]:
    if name.endswith("_ids"):
        stream = name.removesuffix("_ids") + "s"
        return [draw.reference(stream, 9) for _ in range(draw.rng.randint(0, 3))]
    return []


def _status(draw: Draw) -> str:
    stream = draw.spec.name
    if stream.endswith("_logs"):
        return "approved" if draw.rng.random() < 0.9 else "pending"
    if "change" in stream or "contract" in stream or "invoice" in stream:
        return draw.rng.choice(("draft", "pending", "approved", "approved"))
    return draw.rng.choice(("open", "open", "closed", "closed", "draft"))


def _uom(draw: Draw) -> str:
    return draw.rng.choice(("ls", "ea", "sf", "lf", "cy", "hr", "ton"))


_PERSON: Mapping[str, Maker] = dict.fromkeys(
    ("created_by", "closed_by", "updated_by", "uploader", "assignee", "received_from", "point_of_contact", "user",
     "login_information", "completed_by", "distributed_by", "contact", "party", "bid_requester", "affected_person"),
    _person,
)  # fmt: skip
_VENDOR: Mapping[str, Maker] = dict.fromkeys(
    ("vendor", "responsible_contractor", "contractor", "architect", "affected_company", "business"), _vendor
)

_BY_NAME: Mapping[FieldType, Mapping[str, Maker]] = MappingProxyType({
    FieldType.OBJECT: {
        **_PERSON, **_VENDOR,
        "location": location,
        "trade": trade,
        "cost_code": cost_code,
        "wbs_code": wbs_code,
        "specification_section": specification_section,
        "custom_fields": custom_fields,
        "project": lambda draw: draw.project.reference(),
        "company": lambda draw: {"id": draw.company.id, "name": draw.company.name},
        "currency_configuration": lambda _: {"currency_iso_code": "USD"},
        "permissions": lambda draw: {"can_update": draw.rng.random() < 0.5, "can_delete": False},
        "line_item_type": choice("line_item_types", *words.COST_TYPES),
        "cost_impact": _cost_impact,
        "schedule_impact": _schedule_impact,
        "timecard_time_type": choice("company_timecard_time_types", *words.TIME_TYPES),
        "status": choice("statuses", "Open", "Closed", "Draft"),
        "change_reason": choice("change_reasons", "Client Request", "Design Development", "Unforeseen Condition"),
        "sub_job": lambda _: None,
        "daily_log_segment": lambda _: None,
        "attachment": lambda draw: draw.attachment(),
    },
    FieldType.ARRAY: {
        "attachments": attachments,
        "associated_attachments": attachments,
        "assignees": _people,
        "distribution_members": _people,
        "inspectors": _people,
        "ball_in_court": _people,
        "trades": lambda draw: [trade(draw)],
        "project_ids": lambda draw: [project.id for project in some(draw.rng, draw.company.projects, 4)],
    },
    FieldType.STRING: {
        **dict.fromkeys(("name", "title", "subject", "description", "notes", "comments", "comment", "details",
                         "summary", "description_plain_text", "resource_name", "task_name", "label"), phrase),
        "number": lambda draw: f"{draw.serial % 100_000:03d}",
        "full_number": lambda draw: f"{draw.serial % 100_000:03d}",
        "code": lambda draw: draw.trade().code,
        "full_code": lambda draw: draw.trade().code,
        "status": _status,
        "uom": _uom,
        "unit": _uom,
        "revision": lambda draw: str(draw.rng.choice((0, 0, 0, 1, 2))),
        "priority": lambda draw: draw.rng.choice(("Low", "Medium", "High", None)),
        "city": lambda draw: draw.project.site.city,
        "state_code": lambda draw: draw.project.site.state,
        "zip": lambda draw: draw.project.site.zip,
        "address": lambda draw: draw.project.site.street,
        "country_code": lambda _: "US",
        "vendor": lambda draw: _firm(draw).name,
        "vendor_name": lambda draw: _firm(draw).name,
        "company": lambda draw: _firm(draw).name,
        "project": lambda draw: draw.project.name,
        "contract_name": lambda draw: f"{_firm(draw).trade.name} subcontract",
        **{name: _one_of(choices) for name, choices in words.ONE_OF.items()},
        "business_phone": _phone,
        "mobile_phone": _phone,
        "phone": _phone,
        "uuid": lambda draw: f"{draw.rng.getrandbits(128):032x}",
        "company_id": lambda draw: str(draw.company.id),
        "project_id": lambda draw: str(draw.project.id),
        "accounting_method": lambda draw: draw.rng.choice(("amount", "amount", "unit")),
        "document_type": lambda draw: draw.rng.choice(("file", "file", "folder")),
        "created_by": lambda draw: str(draw.person().id),
        "updated_by": lambda draw: str(draw.person().id),
        **dict.fromkeys(("inspector_name", "involved_name", "issued_to", "subject_from", "subject_to"),
                        lambda draw: draw.person().name),
        "involved_company": lambda draw: _firm(draw).name,
        "deleted_at": lambda _: None,
        "deleted_by": lambda _: None,
    },
    FieldType.INTEGER: {
        "company_id": lambda draw: draw.company.id,
        "project_id": lambda draw: draw.project.id,
        "vendor_id": lambda draw: _firm(draw).id,
        "user_id": lambda draw: draw.person().id,
        "created_by_id": lambda draw: draw.person().id,
        "location_id": lambda draw: draw.location().id,
        "cost_code_id": lambda draw: draw.reference("cost_codes", len(words.TRADES)),
        "year": lambda draw: draw.rng.randint(2012, 2025),
    },
    FieldType.BOOLEAN: {},
    FieldType.DATE: {"date_of_death": lambda _: None},
    FieldType.DATETIME: {},
    FieldType.DECIMAL: {
        "latitude": lambda draw: draw.project.site.latitude,
        "longitude": lambda draw: draw.project.site.longitude,
    },
})  # fmt: skip
_BY_TYPE: Mapping[FieldType, Callable[[Draw, str], Any]] = MappingProxyType({
    FieldType.STRING: _text,
    FieldType.INTEGER: _integer,
    FieldType.DECIMAL: _decimal,
    FieldType.BOOLEAN: _boolean,
    FieldType.DATETIME: _datetime,
    FieldType.DATE: _date,
    FieldType.OBJECT: _object,
    FieldType.ARRAY: _array,
})  # fmt: skip
