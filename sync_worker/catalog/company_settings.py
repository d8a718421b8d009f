"""Streams of the company's settings, which its projects refer to."""

from __future__ import annotations

from sync_worker.catalog.spec import UPDATED_AT, V2_PAGING, Envelope, ScopeKind, StreamSpec, SyncMode, columns

OFFICES = StreamSpec(
    name="offices",
    tool="Company Admin/Company Settings",
    path="/rest/v1.0/offices",
    scope=ScopeKind.COMPANY,
    primary_key=("id",),
    fields=columns(
        integer="id",
        string="name address city state_code country_code zip phone fax division",
        object="logo",
    ),
    query={"company_id": "{company_id}"},
    tags=frozenset({"company"}),
)

TRADES = StreamSpec(
    name="trades",
    tool="Company Admin/Company Settings",
    path="/rest/v1.0/companies/{company_id}/trades",
    scope=ScopeKind.COMPANY,
    primary_key=("id",),
    fields=columns(integer="id", string="name", boolean="active", datetime="updated_at"),
    mode=SyncMode.INCREMENTAL,
    cursor=UPDATED_AT,
    tags=frozenset({"company"}),
)

PROGRAMS = StreamSpec(
    name="programs",
    tool="Company Admin/Company Settings",
    path="/rest/v1.0/companies/{company_id}/programs",
    scope=ScopeKind.COMPANY,
    primary_key=("id",),
    fields=columns(
        integer="id photo_prostore_file_id logo_prostore_file_id project_count",
        string="name address_freeform website photo_prostore_file_url logo_prostore_file_url",
    ),
    volatile=("logo_prostore_file_url", "photo_prostore_file_url"),
    tags=frozenset({"company"}),
)

ROLES = StreamSpec(
    name="roles",
    tool="Company Admin/Company Settings",
    path="/rest/v2.0/companies/{company_id}/roles",
    scope=ScopeKind.COMPANY,
    primary_key=("id",),
    fields=columns(
        integer="position",
        string="id archetype name type",
        boolean="add_to_project_team deletable display_on_company_home",
    ),
    envelope=Envelope.DATA,
    paging=V2_PAGING,
    tags=frozenset({"company"}),
)

WORK_CLASSIFICATIONS = StreamSpec(
    name="work_classifications",
    tool="Company Admin/Company Settings",
    path="/rest/v1.0/companies/{company_id}/work_classifications",
    scope=ScopeKind.COMPANY,
    primary_key=("id",),
    fields=columns(
        integer="id created_by_id",
        string="name abbreviation",
        boolean="deletable company_visible",
        datetime="updated_at created_at",
        array="project_ids",
    ),
    tags=frozenset({"company"}),
)

PROJECT_STAGES = StreamSpec(
    name="project_stages",
    tool="Company Admin/Company Settings",
    path="/rest/v1.0/companies/{company_id}/project_stages",
    scope=ScopeKind.COMPANY,
    primary_key=("id",),
    fields=columns(
        integer="id",
        string="name category",
        boolean="""
            is_bidding_stage is_concept_stage readonly default_stage hideable has_rfi_prefixes
            project_stage_has_children
        """,
    ),
    tags=frozenset({"company"}),
)

SUBMITTAL_STATUSES = StreamSpec(
    name="submittal_statuses",
    tool="Company Admin/Company Settings",
    path="/rest/v1.0/companies/{company_id}/submittal_statuses",
    scope=ScopeKind.COMPANY,
    primary_key=("id",),
    fields=columns(integer="id", string="name status"),
    tags=frozenset({"company"}),
)


def _kinds(name: str) -> StreamSpec:
    """Return the spec of a list of project attributes, such as types or regions."""
    return StreamSpec(
        name=name,
        tool="Company Admin/Company Settings",
        path=f"/rest/v1.0/companies/{{company_id}}/{name}",
        scope=ScopeKind.COMPANY,
        primary_key=("id",),
        fields=columns(integer="id", string="name"),
        tags=frozenset({"company"}),
    )


PROJECT_TYPES = _kinds("project_types")
PROJECT_REGIONS = _kinds("project_regions")
PROJECT_BID_TYPES = _kinds("project_bid_types")
PROJECT_OWNER_TYPES = _kinds("project_owner_types")

STREAMS = (
    OFFICES,
    TRADES,
    PROGRAMS,
    ROLES,
    WORK_CLASSIFICATIONS,
    PROJECT_STAGES,
    PROJECT_TYPES,
    PROJECT_REGIONS,
    PROJECT_BID_TYPES,
    PROJECT_OWNER_TYPES,
    SUBMITTAL_STATUSES,
)
