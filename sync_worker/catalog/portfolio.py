"""Streams of the portfolio: companies and projects."""

from __future__ import annotations

from sync_worker.catalog.spec import UPDATED_AT, Paging, ScopeKind, StreamSpec, SyncMode, columns

COMPANIES = StreamSpec(
    name="companies",
    tool="Company Admin/Company Settings",
    path="/rest/v1.0/companies",
    scope=ScopeKind.ACCOUNT,
    primary_key=("id",),
    fields=columns(
        integer="id",
        string="name logo_url",
        boolean="is_active pcn_business_experience my_company",
    ),
    volatile=("logo_url",),
    tags=frozenset({"company"}),
)

# Every run lists all projects, whatever the mode: the list decides which projects are read, and one that is
# missing from it is not deleted but no longer permitted.
PROJECTS = StreamSpec(
    name="projects",
    tool="Core/Portfolio",
    path="/rest/v1.1/projects",
    scope=ScopeKind.COMPANY,
    primary_key=("id",),
    fields=columns(
        integer="""
            id owners_project_id parent_job_id photo_id project_bid_type_id project_owner_type_id project_region_id
            square_feet standard_cost_code_list_id
        """,
        string="""
            accounting_project_number address city country_code county designated_market_area display_name name
            origin_code origin_data origin_id phone project_number state_code store_number time_zone zip description
            dictionary_type flag inbound_email logo_url public_notes tz_name
        """,
        boolean="active is_demo",
        date="""
            completion_date start_date actual_start_date estimated_completion_date estimated_start_date
            projected_finish_date warranty_end_date warranty_start_date
        """,
        datetime="created_at updated_at",
        decimal="estimated_value latitude longitude total_value",
        object="""
            company custom_fields project_stage project_template office persistent_message program project_bid_type
            project_owner_type project_region project_type
        """,
        array="departments",
    ),
    mode=SyncMode.INCREMENTAL,
    # Without by_status only active projects are listed.
    query={"company_id": "{company_id}", "filters[by_status]": "All", "view": "extended"},
    paging=Paging(per_page=300),
    cursor=UPDATED_AT,
    volatile=("logo_url",),
    tracked=("active", "project_stage", "projected_finish_date", "total_value"),
    tags=frozenset({"company"}),
)

STREAMS = (COMPANIES, PROJECTS)
