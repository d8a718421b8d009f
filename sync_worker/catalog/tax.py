"""Streams of taxes."""

from __future__ import annotations

from sync_worker.catalog.spec import Paging, ScopeKind, StreamSpec, columns

TAX_CODES = StreamSpec(
    name="tax_codes",
    tool="Construction Financials/Tax",
    path="/rest/v1.0/tax_codes",
    scope=ScopeKind.COMPANY,
    primary_key=("id",),
    fields=columns(
        integer="id",
        string="code description origin_data origin_id",
        boolean="archived default_tax_code",
        decimal="rate1",
    ),
    query={"company_id": "{company_id}"},
    paging=Paging(per_page=100),
    tracked=("rate1",),
    tags=frozenset({"financials"}),
)

STREAMS = (TAX_CODES,)
