"""Streams of the custom fields: the definitions of the keys `custom_field_<id>` in other records."""

from __future__ import annotations

from sync_worker.catalog.spec import Paging, ScopeKind, StreamSpec, columns

CUSTOM_FIELD_DEFINITIONS = StreamSpec(
    name="custom_field_definitions",
    tool="Company Admin/Custom - Configurable Tools",
    path="/rest/v1.1/companies/{company_id}/custom_field_definitions",
    scope=ScopeKind.COMPANY,
    primary_key=("id",),
    fields=columns(
        integer="id configurable_field_sets_count",
        string="label data_type variant description default_value",
        boolean="active",
    ),
    query={"sort": "created_at"},
    paging=Paging(per_page=100),
    tags=frozenset({"company"}),
)

STREAMS = (CUSTOM_FIELD_DEFINITIONS,)
