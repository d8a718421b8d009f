"""Streams of the Coordination Issues tool."""

from __future__ import annotations

from sync_worker.catalog.spec import ATTACHMENT_URLS, UPDATED_AT, RecycleBin, ScopeKind, StreamSpec, SyncMode, columns

COORDINATION_ISSUES = StreamSpec(
    name="coordination_issues",
    tool="Project Management/Coordination Issues",
    path="/rest/v1.0/coordination_issues",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=columns(
        integer="id issue_number",
        string="uuid title description status creation_source due_date issue_type priority",
        datetime="created_at updated_at",
        decimal="bim_model_id comments_count",
        object="""
            coordination_issue_file drawing_revision trade origin location assignee created_by updated_by
            custom_fields
        """,
        array="""
            viewpoints attachments linked_procore_items linked_drawings linked_observation_items
            drawing_markup_preview_images
        """,
    ),
    mode=SyncMode.INCREMENTAL,
    query={"project_id": "{project_id}", "view": "extended"},
    cursor=UPDATED_AT,
    deletes=RecycleBin("/rest/v1.0/coordination_issues/recycle_bin", {"project_id": "{project_id}"}),
    volatile=ATTACHMENT_URLS,
    tracked=("status", "priority", "due_date", "assignee"),
    tags=frozenset({"project_management"}),
)

STREAMS = (COORDINATION_ISSUES,)
