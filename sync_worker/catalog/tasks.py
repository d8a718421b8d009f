"""Streams of the Tasks tool; scheduled work is in the Schedule tools."""

from __future__ import annotations

from sync_worker.catalog.spec import ScopeKind, StreamSpec, columns

TASK_ITEMS = StreamSpec(
    name="task_items",
    tool="Core/Tasks",
    path="/rest/v1.0/task_items",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=columns(
        integer="id",
        string="number description status title",
        boolean="private",
        date="date_notified",
        datetime="due_date",
        object="task_item_category assignee",
        array="assignees",
    ),
    query={"project_id": "{project_id}"},
    tracked=("status", "due_date", "assignees"),
    tags=frozenset({"project_management"}),
)

STREAMS = (TASK_ITEMS,)
