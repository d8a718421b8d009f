"""Streams of the Punch List tool."""

from __future__ import annotations

from sync_worker.catalog.spec import UPDATED_AT, RecycleBin, ScopeKind, StreamSpec, SyncMode, columns

PUNCH_ITEMS = StreamSpec(
    name="punch_items",
    tool="Project Management/Punch List",
    path="/rest/v1.1/punch_items",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=columns(
        integer="id schedule_impact_days schedule_risk_confidence schedule_risk_probability position",
        string="""
            cost_impact description name reference schedule_impact schedule_risk schedule_risk_reason priority status
            workflow_status
        """,
        boolean="private has_resolved_responses has_unresolved_responses",
        date="due_date",
        datetime="closed_at created_at deleted_at updated_at",
        decimal="cost_impact_amount",
        object="""
            location trade created_by closed_by punch_item_manager final_approver punch_item_type cost_code
            custom_fields
        """,
        array="ball_in_court assignments assignees",
    ),
    mode=SyncMode.INCREMENTAL,
    query={"project_id": "{project_id}"},
    cursor=UPDATED_AT,
    deletes=RecycleBin("/rest/v1.1/punch_items/recycle_bin", {"project_id": "{project_id}"}),
    volatile=("assignments[*].attachments[*].url",),
    tracked=("status", "workflow_status", "due_date", "ball_in_court"),
    tags=frozenset({"project_management", "field"}),
)

PUNCH_ITEM_TYPES = StreamSpec(
    name="punch_item_types",
    tool="Project Management/Punch List",
    path="/rest/v1.0/punch_item_types",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=columns(integer="id", string="name", datetime="created_at updated_at"),
    query={"project_id": "{project_id}"},
    tags=frozenset({"project_management"}),
)

STREAMS = (PUNCH_ITEMS, PUNCH_ITEM_TYPES)
