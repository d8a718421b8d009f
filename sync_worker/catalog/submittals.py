"""Streams of the Submittals tool."""

from __future__ import annotations

from sync_worker.catalog.spec import ATTACHMENT_URLS, UPDATED_AT, RecycleBin, ScopeKind, StreamSpec, SyncMode, columns

SUBMITTALS = StreamSpec(
    name="submittals",
    tool="Project Management/Submittals",
    # v2.0 leaves out the approvers and has at most 100 records a page; both versions list superseded revisions.
    path="/rest/v1.1/projects/{project_id}/submittals",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=columns(
        integer="id lead_time location_id cost_code_id sub_job_id",
        string="number formatted_number title description revision",
        boolean="current_revision private",
        date="due_date issue_date received_date submit_by actual_delivery_date required_on_site_date",
        datetime="created_at updated_at distributed_at closed_at submittal_workflow_template_applied_at",
        object="""
            created_by received_from submittal_manager responsible_contractor status type specification_section
            submittal_workflow_template last_distributed_submittal submittal_package scheduled_task custom_fields
        """,
        array="distribution_members ball_in_court drawing_ids linked_drawing_ids associated_attachments approvers",
    ),
    mode=SyncMode.INCREMENTAL,
    cursor=UPDATED_AT,
    deletes=RecycleBin("/rest/v1.1/projects/{project_id}/submittals/recycle_bin"),
    volatile=(
        "approvers[*].associated_attachments[*].url",
        "associated_attachments[*].url",
        "last_distributed_submittal.distributed_attachments[*].url",
        "last_distributed_submittal.distributed_responses[*].distributed_attachments[*].url",
        "submittal_package.attachments[*].url",
    ),
    tracked=("status", "due_date", "required_on_site_date", "ball_in_court"),
    tags=frozenset({"project_management"}),
)

SUBMITTAL_PACKAGES = StreamSpec(
    name="submittal_packages",
    tool="Project Management/Submittals",
    path="/rest/v1.0/projects/{project_id}/submittal_packages",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=columns(
        integer="id attachments_count",
        string="description number title",
        # Not documented as a field, but as a filter; the column is NULL where it is not sent.
        datetime="updated_at",
        object="created_by",
        array="attachments submittal_ids",
    ),
    mode=SyncMode.INCREMENTAL,
    cursor=UPDATED_AT,
    volatile=ATTACHMENT_URLS,
    tags=frozenset({"project_management"}),
)

STREAMS = (SUBMITTALS, SUBMITTAL_PACKAGES)
