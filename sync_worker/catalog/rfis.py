"""Streams of the RFI tool. The list contains the questions; replies take a call for each RFI."""

from __future__ import annotations

from sync_worker.catalog.spec import (
    ATTACHMENT_URLS,
    UPDATED_AT,
    Parent,
    RecycleBin,
    ScopeKind,
    StreamSpec,
    SyncMode,
    columns,
)

RFIS = StreamSpec(
    name="rfis",
    tool="Project Management/RFI",
    # v1.1 exists for exports only.
    path="/rest/v1.0/projects/{project_id}/rfis",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=columns(
        integer="id location_id",
        string="link full_number number prefix reference status translated_status subject",
        boolean="deleted private",
        date="due_date",
        datetime="created_at deleted_at initiated_at time_resolved updated_at",
        object="""
            created_by custom_fields assignee ball_in_court cost_code cost_impact location project_stage received_from
            responsible_contractor rfi_manager schedule_impact sub_job
        """,
        array="questions assignees ball_in_courts",
    ),
    mode=SyncMode.INCREMENTAL,
    cursor=UPDATED_AT,
    deletes=RecycleBin("/rest/v1.0/projects/{project_id}/rfis/recycle_bin"),
    tracked=("status", "due_date", "ball_in_court"),
    tags=frozenset({"project_management"}),
)

RFI_REPLIES = StreamSpec(
    name="rfi_replies",
    tool="Project Management/RFI",
    path="/rest/v1.0/projects/{project_id}/rfis/{rfi_id}/replies",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=columns(
        integer="id created_by_id",
        string="plain_text_body rich_text_body created_by",
        boolean="official",
        datetime="answer_date",
        array="attachments",
    ),
    parent=Parent(RFIS.name, "rfi_id"),
    volatile=ATTACHMENT_URLS,
    tags=frozenset({"project_management"}),
)

STREAMS = (RFIS, RFI_REPLIES)
