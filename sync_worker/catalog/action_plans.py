"""Streams of the Action Plans tool."""

from __future__ import annotations

from sync_worker.catalog.spec import UPDATED_AT, RecycleBin, ScopeKind, StreamSpec, SyncMode, columns

ACTION_PLANS = StreamSpec(
    name="action_plans",
    tool="Project Management/Action Plans",
    path="/rest/v1.0/projects/{project_id}/action_plans/plans",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=columns(
        integer="id closed_item_count number total_item_count",
        string="description description_plain_text status status_type title",
        boolean="private",
        datetime="created_at updated_at",
        object="custom_fields location manager plan_type plan_status",
        array="plan_approvers plan_receivers",
    ),
    mode=SyncMode.INCREMENTAL,
    query={"sort": "created_at"},
    cursor=UPDATED_AT,
    deletes=RecycleBin("/rest/v1.0/projects/{project_id}/recycle_bin/action_plans/plans"),
    tracked=("status",),
    tags=frozenset({"quality_safety"}),
)

ACTION_PLAN_ITEMS = StreamSpec(
    name="action_plan_items",
    tool="Project Management/Action Plans",
    # One list with the items of all plans.
    path="/rest/v1.0/projects/{project_id}/action_plans/plan_items",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=columns(
        integer="id plan_id position plan_section_id template_item_id",
        string="title description holding_type notes created_at updated_at",
        boolean="is_blocked is_blocking",
        datetime="due_at",
        object="status",
        array="plan_item_assignees",
    ),
    mode=SyncMode.INCREMENTAL,
    cursor=UPDATED_AT,
    deletes=RecycleBin("/rest/v1.0/projects/{project_id}/recycle_bin/action_plans/plan_items"),
    tracked=("status", "due_at"),
    tags=frozenset({"quality_safety"}),
)

STREAMS = (ACTION_PLANS, ACTION_PLAN_ITEMS)
