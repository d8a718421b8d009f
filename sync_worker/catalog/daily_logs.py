"""Streams of the Daily Log tool.

Asked without dates they answer today alone; nothing filters them by change, so days are read again while they may
still be edited.
"""

from __future__ import annotations

from sync_worker.catalog.spec import LOG_DATES, ScopeKind, StreamSpec, SyncMode, columns

MANPOWER_LOGS = StreamSpec(
    name="manpower_logs",
    tool="Project Management/Daily Log",
    path="/rest/v1.0/projects/{project_id}/manpower_logs",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=columns(
        integer="id num_workers position",
        string="notes status",
        date="date",
        datetime="created_at datetime updated_at deleted_at",
        decimal="man_hours num_hours",
        object="vendor user contact cost_code created_by location trade custom_fields permissions",
        array="attachments",
    ),
    mode=SyncMode.DATE_WINDOW,
    # Without it approved entries alone are listed.
    query={"filters[status]": "all"},
    date_window=LOG_DATES,
    volatile=("attachments[*].url",),
    tags=frozenset({"daily_logs", "field"}),
)

STREAMS = (MANPOWER_LOGS,)
