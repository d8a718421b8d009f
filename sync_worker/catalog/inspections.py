"""Streams of the Inspections tool, which the API calls checklist lists."""

from __future__ import annotations

from sync_worker.catalog.spec import UPDATED_AT, RecycleBin, ScopeKind, StreamSpec, SyncMode, columns

INSPECTIONS = StreamSpec(
    name="inspections",
    tool="Project Management/Inspections",
    # Without the project in the path the list comes grouped by template.
    path="/rest/v1.0/projects/{project_id}/checklist/lists",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=columns(
        integer="""
            id list_template_id number managed_equipment_id conforming_item_count deficient_item_count
            not_applicable_item_count neutral_item_count inspected_item_count observations_count
            closed_observations_count item_count template_id
        """,
        string="name list_template_name status description",
        boolean="deleted private overdue",
        date="inspection_date",
        datetime="created_at updated_at closed_at due_at",
        object="""
            location default_response_phrasing inspection_type created_by closed_by responsible_contractor
            point_of_contact trade specification_section custom_fields
        """,
        array="""
            drawing_ids current_drawing_revision_ids inspectors distribution_members signature_requests attachments
        """,
    ),
    mode=SyncMode.INCREMENTAL,
    query={"sort": "created_at"},
    cursor=UPDATED_AT,
    deletes=RecycleBin("/rest/v1.0/projects/{project_id}/recycle_bin/checklist/lists"),
    volatile=(
        "attachments[*].thumbnail_url",
        "attachments[*].url",
        "signature_requests[*].signature.attachment.url",
        "specification_section.latest_revision_url",
    ),
    tracked=("status", "due_at", "deficient_item_count"),
    tags=frozenset({"quality_safety", "field"}),
)

INSPECTION_ITEMS = StreamSpec(
    name="inspection_items",
    tool="Project Management/Inspections",
    # One list with the items of all inspections.
    path="/rest/v1.1/projects/{project_id}/checklist/list_items",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=columns(
        integer="id list_id position relative_position parent_item_id section_id template_item_id",
        string="details company_template_item_details name number responded_with status",
        datetime="updated_at",
        object="item_response response response_set type",
        array="display_conditions",
    ),
    mode=SyncMode.INCREMENTAL,
    cursor=UPDATED_AT,
    tracked=("status",),
    tags=frozenset({"quality_safety", "field"}),
)

INSPECTION_SECTIONS = StreamSpec(
    name="inspection_sections",
    tool="Project Management/Inspections",
    path="/rest/v1.0/projects/{project_id}/checklist/list_sections",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=columns(integer="id position template_section_id", string="name", datetime="updated_at"),
    mode=SyncMode.INCREMENTAL,
    cursor=UPDATED_AT,
    tags=frozenset({"quality_safety", "field"}),
)

INSPECTION_TEMPLATES = StreamSpec(
    name="inspection_templates",
    tool="Project Management/Inspections",
    path="/rest/v1.1/projects/{project_id}/checklist/list_templates",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=columns(
        integer="id parent_inspection_item_id relative_position",
        string="name company_description description number",
        boolean="deletable",
        datetime="created_at updated_at",
        object="trade synced_to",
        array="display_conditions",
    ),
    tags=frozenset({"quality_safety", "field"}),
)

INSPECTION_TYPES = StreamSpec(
    name="inspection_types",
    tool="Project Management/Inspections",
    path="/rest/v1.0/companies/{company_id}/inspection_types",
    scope=ScopeKind.COMPANY,
    primary_key=("id",),
    fields=columns(
        integer="id source_id",
        string="name",
        boolean="is_deletable",
        datetime="created_at updated_at audit_transaction_timestamp deleted_at",
    ),
    tags=frozenset({"quality_safety"}),
)

STREAMS = (INSPECTIONS, INSPECTION_ITEMS, INSPECTION_SECTIONS, INSPECTION_TEMPLATES, INSPECTION_TYPES)
