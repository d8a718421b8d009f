"""Streams of the correspondence tools, which the API calls generic tools."""

from __future__ import annotations

from sync_worker.catalog.spec import ATTACHMENT_URLS, UPDATED_AT, RecycleBin, ScopeKind, StreamSpec, SyncMode, columns

GENERIC_TOOLS = StreamSpec(
    name="generic_tools",
    tool="Company Admin/Custom - Configurable Tools",
    path="/rest/v1.0/companies/{company_id}/generic_tools",
    scope=ScopeKind.COMPANY,
    primary_key=("id",),
    fields=columns(
        integer="id domain_id",
        string="title abbreviation",
        boolean="private_by_default",
    ),
    tags=frozenset({"project_management"}),
)

# Items are private by default: a credential without enough permission gets fewer of them, and no error.
CORRESPONDENCE_ITEMS = StreamSpec(
    name="correspondence_items",
    tool="Company Admin/Custom - Configurable Tools",
    # One list with the items of all tools; by tool it would take a call for each.
    path="/rest/v1.0/projects/{project_id}/correspondence_type_items",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=columns(
        integer="id origin_generic_tool_item_id origin_rfi_id",
        string="description position status status_type title",
        boolean="private",
        date="due_date",
        datetime="closed_at created_at issued_at updated_at",
        object="""
            schedule_impact cost_impact created_by received_from location cost_code specification_section trade
            sub_job generic_tool custom_fields
        """,
        array="trades tasks attachments document_management_document_revision_ids distribution_members assignees",
    ),
    mode=SyncMode.INCREMENTAL,
    query={"view": "extended", "sort": "created_at"},
    cursor=UPDATED_AT,
    deletes=RecycleBin(query={"filters[recycle_bin]": "true"}),
    volatile=ATTACHMENT_URLS,
    tracked=("status", "due_date", "assignees"),
    tags=frozenset({"project_management"}),
)

STREAMS = (GENERIC_TOOLS, CORRESPONDENCE_ITEMS)
