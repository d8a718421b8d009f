"""Streams of a project's set-up: roles, locations and dates."""

from __future__ import annotations

from sync_worker.catalog.spec import NO_PAGING, UPDATED_AT, Envelope, ScopeKind, StreamSpec, SyncMode, columns

PROJECT_ROLES = StreamSpec(
    name="project_roles",
    tool="Core/Project",
    path="/rest/v1.0/project_roles",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=columns(
        integer="id user_id contact_id",
        string="name role created_at",
        boolean="is_active",
    ),
    query={"project_id": "{project_id}"},
    tags=frozenset({"company"}),
)

LOCATIONS = StreamSpec(
    name="locations",
    tool="Core/Project",
    path="/rest/v1.0/projects/{project_id}/locations",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=columns(
        integer="id parent_id",
        string="name node_name code",
        datetime="created_at updated_at",
    ),
    mode=SyncMode.INCREMENTAL,
    query={"sort": "created_at"},
    cursor=UPDATED_AT,
    tags=frozenset({"company"}),
)

# Procore documents per_page without page; without per_page a v2 list may return ten records.
PROJECT_DATES = StreamSpec(
    name="project_dates",
    tool="Core/Project",
    path="/rest/v2.0/companies/{company_id}/projects/{project_id}/project_dates",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=columns(string="id project_membership_id name date actual_date", boolean="display_on_timeline"),
    query={"per_page": "100"},
    envelope=Envelope.DATA,
    paging=NO_PAGING,
    tracked=("date", "actual_date"),
    tags=frozenset({"company"}),
)

STREAMS = (PROJECT_ROLES, LOCATIONS, PROJECT_DATES)
