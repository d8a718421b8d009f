"""Streams of the Schedule tools: tasks of the legacy one, schedules with activities of the new one.

The new one documents its dates and instants as strings; they are kept as sent.
"""

from __future__ import annotations

from sync_worker.catalog.spec import (
    UPDATED_AFTER,
    UPDATED_AT,
    V2_PAGING,
    Envelope,
    Parent,
    ScopeKind,
    StreamSpec,
    SyncMode,
    columns,
)

SCHEDULE_TASKS = StreamSpec(
    name="schedule_tasks",
    tool="Project Management/Schedule (Legacy)",
    path="/rest/v1.0/tasks",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=columns(
        integer="id percentage parent_id row_number",
        string="""
            name task_name key color activity_id schedule_activity_id resource_name full_outline_path source_uid wbs
            notes
        """,
        boolean="pending critical_path milestone has_children manually_edited",
        datetime="""
            start_datetime finish_datetime actual_start actual_finish baseline_start baseline_finish created_at
            updated_at
        """,
        decimal="schedule_duration start_variance finish_variance",
        object="created_by updated_by",
        array="resource_ids",
    ),
    mode=SyncMode.INCREMENTAL,
    query={"project_id": "{project_id}", "view": "normal"},
    cursor=UPDATED_AT,
    tracked=("start_datetime", "finish_datetime", "percentage", "critical_path"),
    tags=frozenset({"project_management", "schedule"}),
)

SCHEDULES = StreamSpec(
    name="schedules",
    tool="Project Management/Scheduling",
    path="/rest/v2.0/companies/{company_id}/projects/{project_id}/schedules",
    scope=ScopeKind.PROJECT,
    primary_key=("schedule_id",),
    fields=columns(
        string="""
            schedule_id schedule_name schedule_type data_date start_date calendar_id parent_schedule_id updated_at
            updated_by created_at created_by deleted_at deleted_by
        """,
        boolean="is_active",
    ),
    mode=SyncMode.INCREMENTAL,
    query={"sort": "schedule_id"},
    envelope=Envelope.DATA,
    paging=V2_PAGING,
    cursor=UPDATED_AFTER,
    tracked=("data_date", "is_active"),
    tags=frozenset({"project_management", "schedule"}),
)

SCHEDULE_ACTIVITIES = StreamSpec(
    name="schedule_activities",
    tool="Project Management/Scheduling",
    path="/rest/v2.0/companies/{company_id}/projects/{project_id}/schedules/{schedule_id}/activities",
    scope=ScopeKind.PROJECT,
    primary_key=("schedule_id", "activity_id"),
    fields=columns(
        integer="ordered_parent_index crew_size deadline_variance",
        string="""
            activity_id activity_name start_date finish_date duration_unit duration_display_unit parent_id
            constraint_type constraint_date assigned_company calendar_id deadline_date notes schedule_id created_at
            created_by updated_at updated_by
        """,
        boolean="is_critical",
        decimal="duration percent_complete total_float",
        array="category_data resource_data",
    ),
    mode=SyncMode.INCREMENTAL,
    parent=Parent(SCHEDULES.name, "schedule_id", key="schedule_id"),
    query={"sort": "activity_id"},
    envelope=Envelope.DATA,
    paging=V2_PAGING,
    cursor=UPDATED_AFTER,
    tracked=("start_date", "finish_date", "percent_complete", "is_critical"),
    tags=frozenset({"project_management", "schedule"}),
)

SCHEDULE_CALENDAR_ITEMS = StreamSpec(
    name="schedule_calendar_items",
    tool="Project Management/Schedule (Legacy)",
    path="/rest/v1.0/projects/{project_id}/schedule/calendar_items",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=columns(
        integer="id percentage",
        string="color description full_outline_path name task_name",
        boolean="milestone private",
        date="start finish",
        datetime="updated_at",
        object="assigned created_by",
    ),
    mode=SyncMode.INCREMENTAL,
    query={"sort": "id"},
    cursor=UPDATED_AT,
    tracked=("start", "finish", "percentage"),
    tags=frozenset({"project_management", "schedule"}),
)

STREAMS = (SCHEDULE_TASKS, SCHEDULES, SCHEDULE_ACTIVITIES, SCHEDULE_CALENDAR_ITEMS)
