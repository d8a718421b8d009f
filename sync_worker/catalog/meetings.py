"""Streams of the Meetings tool; topics, attendees and minutes are not in the list."""

from __future__ import annotations

from sync_worker.catalog.spec import Envelope, RecycleBin, ScopeKind, StreamSpec, columns

MEETINGS = StreamSpec(
    name="meetings",
    tool="Project Management/Meetings",
    path="/rest/v1.1/projects/{project_id}/meetings",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=columns(
        integer="id meeting_template_id position created_by_id parent_id meeting_topics_count",
        string="title description mode location",
        boolean="occurred is_private",
        datetime="starts_at ends_at created_at updated_at",
    ),
    envelope=Envelope.GROUPS,
    # Deleted meetings come as {"meetings": […]}, without groups.
    deletes=RecycleBin(query={"deleted_only": "true"}),
    tracked=("starts_at", "occurred"),
    tags=frozenset({"project_management"}),
)

STREAMS = (MEETINGS,)
