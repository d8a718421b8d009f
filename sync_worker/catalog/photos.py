"""Streams of the Photos tool, which the API calls images."""

from __future__ import annotations

from sync_worker.catalog.spec import UPDATED_AT, ScopeKind, StreamSpec, SyncMode, columns

PHOTOS = StreamSpec(
    name="photos",
    tool="Project Management/Photos",
    path="/rest/v1.0/images",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=columns(
        integer="""
            id size image_category_id width height origin_id daily_log_header_id daily_log_segment_id comments_count
        """,
        string="url filename description thumbnail_url image_category_name projection gps_lat gps_long",
        boolean="permanently_deleted private starred image_category_private",
        datetime="taken_at created_at updated_at",
        object="location daily_log_segment uploader links",
        array="trades",
    ),
    mode=SyncMode.INCREMENTAL,
    query={"project_id": "{project_id}", "sort": "created_at"},
    cursor=UPDATED_AT,
    volatile=("thumbnail_url", "url"),
    tags=frozenset({"field", "documents"}),
)

# The API calls them image categories.
PHOTO_ALBUMS = StreamSpec(
    name="photo_albums",
    tool="Project Management/Photos",
    path="/rest/v1.0/image_categories",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=columns(
        integer="id count position",
        string="cover_photo name",
        boolean="private",
        datetime="created_at updated_at",
        object="links",
    ),
    query={"project_id": "{project_id}"},
    volatile=("cover_photo",),
    tags=frozenset({"field", "documents"}),
)

STREAMS = (PHOTOS, PHOTO_ALBUMS)
