"""Streams of the Bid Management tool."""

from __future__ import annotations

from sync_worker.catalog.spec import UPDATED_AT, Parent, ScopeKind, StreamSpec, SyncMode, columns

BID_PACKAGES = StreamSpec(
    name="bid_packages",
    tool="Preconstruction/Bid Management",
    path="/rest/v1.1/projects/{project_id}/bid_packages",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=columns(
        integer="id number submitted_bids_count",
        string="title",
        datetime="bid_due_date",
    ),
    query={"view": "all"},
    tracked=("bid_due_date",),
    tags=frozenset({"preconstruction"}),
)

BIDS = StreamSpec(
    name="bids",
    tool="Preconstruction/Bid Management",
    # The flat lists hold only bids that the caller was invited to submit.
    path="/rest/v1.0/projects/{project_id}/bid_packages/{bid_package_id}/bids",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=columns(
        integer="id bid_form_id",
        string="bid_package_title bid_form_title bid_status bidder_comments",
        boolean="awarded is_bidder_committed lump_sum_enabled submitted",
        datetime="invitation_last_sent_at created_at updated_at due_date",
        decimal="lump_sum_amount",
        object="bid_requester vendor project",
    ),
    parent=Parent(BID_PACKAGES.name, "bid_package_id"),
    tracked=("bid_status", "awarded", "lump_sum_amount"),
    tags=frozenset({"preconstruction"}),
)

BID_CONTACTS = StreamSpec(
    name="bid_contacts",
    tool="Preconstruction/Bid Management",
    path="/rest/v1.0/projects/{project_id}/bid_contacts",
    scope=ScopeKind.PROJECT,
    # Contacts are users, whose ids are global: one who bids for two projects is in both lists.
    primary_key=("project_id", "id"),
    fields=columns(
        integer="id business_phone_extension contact_id work_classification_id",
        string="""
            address avatar business_id business_phone city country_code email_address email_signature employee_id
            fax_number first_name initials job_title last_name mobile_phone name notes origin_id origin_data
            state_code zip
        """,
        boolean="erp_integrated_accountant is_active is_employee",
        datetime="created_at last_activated_at last_login_at updated_at welcome_email_sent_at",
        object="permission_template company_permission_template vendor",
    ),
    mode=SyncMode.INCREMENTAL,
    cursor=UPDATED_AT,
    volatile=("avatar",),
    tags=frozenset({"preconstruction"}),
)

STREAMS = (BID_PACKAGES, BIDS, BID_CONTACTS)
