"""Streams of the directory: people and the companies they work for.

Users and vendors answer active ones only; the inactive ones are lists of their own, without a filter for change.
"""

from __future__ import annotations

from sync_worker.catalog.spec import ATTACHMENT_URLS, NO_PAGING, UPDATED_AT, ScopeKind, StreamSpec, SyncMode, columns

VENDOR = columns(
    integer="id children_count",
    string="""
        name abbreviated_name address business_id business_phone city company country_code email_address
        fax_number labor_union license_number logo mobile_phone notes origin_code origin_data origin_id state_code
        trade_name website zip legal_name
    """,
    boolean="""
        authorized_bidder is_active is_connected non_union_prevailing_wage prequalified synced_to_erp union_member
        company_vendor
    """,
    datetime="created_at updated_at",
    object="business_register primary_contact vendor_group bidding parent",
    array="attachments bidding_distribution project_ids trades",
)

COMPANY_USERS = StreamSpec(
    name="company_users",
    tool="Core/Directory",
    path="/rest/v1.3/companies/{company_id}/users",
    scope=ScopeKind.COMPANY,
    # The ids of users and vendors are global: one that works for two companies is in both lists.
    primary_key=("company_id", "id"),
    fields=columns(
        integer="id business_phone_extension contact_id work_classification_id",
        string="""
            address avatar business_id business_phone city country_code email_address email_signature employee_id
            fax_number first_name initials job_title last_name mobile_phone name notes origin_id origin_data
            state_code zip role
        """,
        boolean="erp_integrated_accountant is_active is_employee verified_employee",
        datetime="created_at last_login_at updated_at welcome_email_sent_at",
        object="permission_template company_permission_template vendor",
    ),
    mode=SyncMode.INCREMENTAL,
    query={"view": "extended"},
    cursor=UPDATED_AT,
    volatile=("avatar",),
    tags=frozenset({"directory"}),
)

COMPANY_USERS_INACTIVE = StreamSpec(
    name="company_users_inactive",
    tool="Core/Directory",
    path="/rest/v1.0/companies/{company_id}/users/inactive",
    scope=ScopeKind.COMPANY,
    primary_key=("company_id", "id"),
    fields=columns(
        integer="id business_phone_extension",
        string="""
            address avatar business_id business_phone city country_code email_address email_signature employee_id
            fax_number first_name initials job_title last_name mobile_phone name notes state_code zip origin_id
            origin_data
        """,
        boolean="erp_integrated_accountant is_active is_employee",
        datetime="last_login_at welcome_email_sent_at created_at updated_at",
        object="vendor _links",
    ),
    volatile=("avatar",),
    tags=frozenset({"directory"}),
)

VENDORS = StreamSpec(
    name="vendors",
    tool="Core/Directory",
    path="/rest/v1.0/vendors",
    scope=ScopeKind.COMPANY,
    primary_key=("company_id", "id"),
    fields=columns(VENDOR, integer="contact_count", array="standard_cost_codes"),
    mode=SyncMode.INCREMENTAL,
    query={"company_id": "{company_id}", "view": "extended"},
    cursor=UPDATED_AT,
    volatile=(*ATTACHMENT_URLS, "logo"),
    tags=frozenset({"directory"}),
)

VENDORS_INACTIVE = StreamSpec(
    name="vendors_inactive",
    tool="Core/Directory",
    path="/rest/v1.0/companies/{company_id}/vendors/inactive",
    scope=ScopeKind.COMPANY,
    primary_key=("company_id", "id"),
    fields=columns(VENDOR, integer="contact_count", object="_links", array="standard_cost_codes"),
    volatile=(*ATTACHMENT_URLS, "logo"),
    tags=frozenset({"directory"}),
)

DEPARTMENTS = StreamSpec(
    name="departments",
    tool="Core/Directory",
    path="/rest/v1.0/departments",
    scope=ScopeKind.COMPANY,
    primary_key=("id",),
    fields=columns(integer="id", string="name origin_data origin_id"),
    query={"company_id": "{company_id}"},
    tags=frozenset({"directory"}),
)

PROJECT_USERS = StreamSpec(
    name="project_users",
    tool="Core/Directory",
    path="/rest/v1.0/projects/{project_id}/users",
    scope=ScopeKind.PROJECT,
    primary_key=("project_id", "id"),
    fields=columns(
        integer="id",
        string="""
            first_name initials last_name name abbreviated_name address business_id business_phone city company
            country_code email_address fax_number labor_union license_number logo mobile_phone notes origin_code
            origin_data origin_id state_code trade_name website zip
        """,
        boolean="""
            authorized_bidder is_active is_connected non_union_prevailing_wage prequalified synced_to_erp union_member
        """,
        datetime="created_at updated_at",
        object="vendor business_register primary_contact vendor_group",
        array="attachments project_ids",
    ),
    mode=SyncMode.INCREMENTAL,
    cursor=UPDATED_AT,
    volatile=ATTACHMENT_URLS,
    tags=frozenset({"directory"}),
)

PROJECT_VENDORS = StreamSpec(
    name="project_vendors",
    tool="Core/Directory",
    path="/rest/v1.1/projects/{project_id}/vendors",
    scope=ScopeKind.PROJECT,
    primary_key=("project_id", "id"),
    fields=columns(VENDOR, object="business"),
    volatile=(*ATTACHMENT_URLS, "logo"),
    tags=frozenset({"directory"}),
)

COMPANY_PEOPLE = StreamSpec(
    name="company_people",
    tool="Core/Directory",
    # Users and people who cannot log in.
    path="/rest/v1.0/companies/{company_id}/people",
    scope=ScopeKind.COMPANY,
    primary_key=("id",),
    fields=columns(
        integer="id user_id work_classification_id",
        # The API reference types user_uuid as an integer, which a UUID cannot be.
        string="employee_id first_name last_name origin_id user_uuid",
        boolean="is_employee",
        object="contact",
    ),
    tags=frozenset({"directory"}),
)

PERMISSION_TEMPLATES = StreamSpec(
    name="permission_templates",
    tool="Core/Directory",
    path="/rest/v1.0/companies/{company_id}/permission_templates",
    scope=ScopeKind.COMPANY,
    primary_key=("id",),
    fields=columns(integer="id", string="name type category", boolean="project_specific"),
    paging=NO_PAGING,
    tags=frozenset({"directory"}),
)

CREWS = StreamSpec(
    name="crews",
    tool="Core/Directory",
    path="/rest/v1.0/projects/{project_id}/crews",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=columns(
        integer="id",
        string="name",
        datetime="created_at updated_at",
        object="created_by lead lead_party",
        array="employees members",
    ),
    mode=SyncMode.INCREMENTAL,
    cursor=UPDATED_AT,
    tags=frozenset({"directory", "field"}),
)

STREAMS = (
    COMPANY_USERS,
    COMPANY_USERS_INACTIVE,
    VENDORS,
    VENDORS_INACTIVE,
    DEPARTMENTS,
    PROJECT_USERS,
    PROJECT_VENDORS,
    COMPANY_PEOPLE,
    PERMISSION_TEMPLATES,
    CREWS,
)
