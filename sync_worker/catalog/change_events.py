"""Streams of the Change Events tool."""

from __future__ import annotations

from sync_worker.catalog.spec import (
    ATTACHMENT_URLS,
    INCLUDE_DELETED,
    UPDATED_AT,
    ScopeKind,
    StreamSpec,
    SyncMode,
    columns,
)

CHANGE_EVENTS = StreamSpec(
    name="change_events",
    tool="Construction Financials/Change Events",
    # v1.1 holds the line items too, as change_items.
    path="/rest/v1.1/change_events",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=columns(
        integer="id",
        string="number title description scope source",
        boolean="comments_enabled deletable in_recycle_bin",
        datetime="created_at updated_at deleted_at",
        object="""
            status event_origin change_type change_reason prime_contract_for_estimates external_data created_by
            custom_fields notes currency_configuration
        """,
        array="attachments change_items markup_items production_quantities",
    ),
    mode=SyncMode.INCREMENTAL,
    query={"project_id": "{project_id}"},
    cursor=UPDATED_AT,
    deletes=INCLUDE_DELETED,
    volatile=ATTACHMENT_URLS,
    tracked=("status", "scope"),
    tags=frozenset({"financials"}),
)

STREAMS = (CHANGE_EVENTS,)
