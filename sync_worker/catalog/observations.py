"""Streams of the Observations tool."""

from __future__ import annotations

from sync_worker.catalog.spec import UPDATED_AT, RecycleBin, ScopeKind, StreamSpec, SyncMode, columns

OBSERVATIONS = StreamSpec(
    name="observations",
    tool="Project Management/Observations",
    path="/rest/v1.0/observations/items",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=columns(
        integer="id",
        string="number name description description_rich_text status priority",
        boolean="personal",
        date="date_notified due_date",
        datetime="created_at closed_at deleted_at updated_at",
        object="origin assignee created_by location specification_section trade type custom_fields permissions",
    ),
    mode=SyncMode.INCREMENTAL,
    query={"project_id": "{project_id}"},
    cursor=UPDATED_AT,
    deletes=RecycleBin("/rest/v1.0/projects/{project_id}/recycle_bin/observations/items"),
    volatile=("specification_section.latest_revision_url",),
    tracked=("status", "priority", "due_date", "assignee"),
    tags=frozenset({"quality_safety", "field"}),
)

OBSERVATION_TYPES = StreamSpec(
    name="observation_types",
    tool="Project Management/Observations",
    path="/rest/v1.0/companies/{company_id}/observation_types",
    scope=ScopeKind.COMPANY,
    primary_key=("id",),
    fields=columns(
        integer="id category_id",
        string="name localized_name category category_key kind name_translations",
        boolean="company_active active parent_inactive in_use",
    ),
    tags=frozenset({"quality_safety"}),
)

STREAMS = (OBSERVATIONS, OBSERVATION_TYPES)
