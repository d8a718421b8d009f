"""Streams of units of measure."""

from __future__ import annotations

from sync_worker.catalog.spec import ScopeKind, StreamSpec, columns

UOMS = StreamSpec(
    name="uoms",
    tool="Construction Financials/Units of Measure",
    path="/rest/v1.0/companies/{company_id}/uoms",
    scope=ScopeKind.COMPANY,
    primary_key=("id",),
    fields=columns(integer="id", string="name description", boolean="is_standard", object="uom_category"),
    tags=frozenset({"financials"}),
)

STREAMS = (UOMS,)
