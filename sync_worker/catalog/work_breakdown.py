"""Streams of the work breakdown structure: the codes to which cost and work are charged."""

from __future__ import annotations

from sync_worker.catalog.spec import NO_PAGING, UPDATED_AT, Parent, ScopeKind, StreamSpec, SyncMode, columns

# Deprecated in favour of work breakdown segments, but still available. Procore marks apps down for calls of deprecated
# lists, so no shipped job reads this one; choose it and the codes nested in it by name.
STANDARD_COST_CODE_LISTS = StreamSpec(
    name="standard_cost_code_lists",
    tool="Construction Financials/Work Breakdown Structure",
    path="/rest/v1.0/standard_cost_code_lists",
    scope=ScopeKind.COMPANY,
    primary_key=("id",),
    fields=columns(
        integer="id",
        string="name",
        boolean="available_to_use_on_new_projects is_erp_list",
    ),
    query={"company_id": "{company_id}"},
    tags=frozenset({"financials"}),
)

STANDARD_COST_CODES = StreamSpec(
    name="standard_cost_codes",
    tool="Construction Financials/Work Breakdown Structure",
    path="/rest/v1.0/standard_cost_codes",
    scope=ScopeKind.COMPANY,
    primary_key=("id",),
    fields=columns(integer="id parent_id", string="code full_code name origin_data origin_id"),
    parent=Parent(STANDARD_COST_CODE_LISTS.name, "standard_cost_code_list_id"),
    # The default view returns only ids.
    query={
        "company_id": "{company_id}",
        "standard_cost_code_list_id": "{standard_cost_code_list_id}",
        "view": "extended",
    },
    tags=frozenset({"financials"}),
)

COST_CODES = StreamSpec(
    name="cost_codes",
    tool="Construction Financials/Work Breakdown Structure",
    path="/rest/v1.0/cost_codes",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=columns(
        integer="id biller_id position standard_cost_code_id",
        string="biller biller_type biller_origin_id code full_code name origin_data origin_id sortable_code",
        boolean="budgeted",
        datetime="created_at deleted_at updated_at",
        object="parent",
        array="line_item_types",
    ),
    query={"project_id": "{project_id}"},
    tags=frozenset({"financials"}),
)

WBS_CODES = StreamSpec(
    name="wbs_codes",
    tool="Construction Financials/Work Breakdown Structure",
    # v2.0 has seven fields, no filter by change, and at most 100 records a page.
    path="/rest/v1.0/projects/{project_id}/work_breakdown_structure/wbs_codes",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=columns(
        integer="id wbs_pattern_id",
        string="flat_code flat_name description status",
        datetime="created_at updated_at",
        array="segment_items",
    ),
    mode=SyncMode.INCREMENTAL,
    cursor=UPDATED_AT,
    tracked=("status",),
    tags=frozenset({"financials"}),
)

COMPANY_WBS_SEGMENTS = StreamSpec(
    name="company_wbs_segments",
    tool="Construction Financials/Work Breakdown Structure",
    path="/rest/v1.0/companies/{company_id}/work_breakdown_structure/segments",
    scope=ScopeKind.COMPANY,
    primary_key=("id",),
    fields=columns(
        integer="id position segment_items_count wbs_pattern_id",
        string="type name delimiter structure",
        boolean="required project_can_modify_origin_project project_can_delete_origin_company",
        datetime="created_at updated_at",
    ),
    paging=NO_PAGING,
    tags=frozenset({"financials"}),
)

COMPANY_WBS_SEGMENT_ITEMS = StreamSpec(
    name="company_wbs_segment_items",
    tool="Construction Financials/Work Breakdown Structure",
    path="/rest/v1.0/companies/{company_id}/work_breakdown_structure/segments/{segment_id}/segment_items",
    scope=ScopeKind.COMPANY,
    primary_key=("id",),
    fields=columns(
        integer="id parent_id",
        string="code name path_code status",
        boolean="is_parent in_use",
        datetime="created_at updated_at",
        object="segment",
        array="path_ids path_codes path_names",
    ),
    parent=Parent(COMPANY_WBS_SEGMENTS.name, "segment_id"),
    tags=frozenset({"financials"}),
)

SUB_JOBS = StreamSpec(
    name="sub_jobs",
    tool="Construction Financials/Work Breakdown Structure",
    path="/rest/v1.0/sub_jobs",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=columns(integer="id", string="code name origin_data origin_id created_at updated_at"),
    query={"project_id": "{project_id}"},
    tags=frozenset({"financials"}),
)

STREAMS = (
    STANDARD_COST_CODE_LISTS,
    STANDARD_COST_CODES,
    COST_CODES,
    WBS_CODES,
    COMPANY_WBS_SEGMENTS,
    COMPANY_WBS_SEGMENT_ITEMS,
    SUB_JOBS,
)
