"""The two forms of records: as Procore's OpenAPI description types them, and as they were observed."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from procore_simulator.draw import Draw, Record
from sync_worker.catalog.spec import FieldType


class Form(StrEnum):
    """The form of fields for which the description and practice differ."""

    DESCRIBED = "described"
    """As the OpenAPI description types it; a client generated from it accepts these records."""
    OBSERVED = "observed"
    """As practitioners report it: sums and quantities as decimal strings, numbers for text, a date as an instant."""


_NUMBERS: Mapping[str, frozenset[str]] = {
    stream: frozenset(names.split())
    for stream, names in {
        "actual_production_quantities": "quantity",
        "bids": "lump_sum_amount",
        "budget_change_adjustment_line_items": "amount quantity",
        "budget_changes": "amount",
        "commitment_change_order_line_items": "quantity",
        "prime_change_order_line_items": "quantity",
        "tax_codes": "rate1",
        "work_logs": "hourly_rate hours",
    }.items()
}
"""Sums and quantities that the description types as numbers; all others are strings there."""

_MISDESCRIBED: Mapping[str, frozenset[str]] = {"company_people": frozenset({"user_uuid"})}
"""Fields whose description cannot be true, as a UUID that is typed as an integer. They are sent as null."""

_SEEN_AS_INTEGERS: Mapping[str, frozenset[str]] = {"change_events": frozenset({"number"})}

_EVERY = 5
"""One record in five has its dates as instants at midnight UTC."""


def apply_form(draw: Draw, record: Record, form: Form) -> Record:
    """Return the record in that form. Stories write every sum and quantity as a decimal string."""
    return _described(draw, record) if form is Form.DESCRIBED else _observed(draw, record)


def _described(draw: Draw, record: Record) -> Record:
    stream = draw.spec.name
    for name in _NUMBERS.get(stream, ()):
        record[name] = _number(record[name])
    for name in _MISDESCRIBED.get(stream, ()):
        record[name] = None
    return record


def _number(value: Any) -> Any:
    return float(value) if isinstance(value, str) else value


def _observed(draw: Draw, record: Record) -> Record:
    for name in _SEEN_AS_INTEGERS.get(draw.spec.name, ()):
        record[name] = int(record[name])
    if draw.serial % _EVERY == 0:
        dates = [name for name, type_ in draw.spec.fields.items() if type_ is FieldType.DATE and record[name]]
        record |= {name: f"{record[name][:10]}T00:00:00Z" for name in dates}
    return record
