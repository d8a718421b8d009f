"""Streams of the Drawings tool."""

from __future__ import annotations

from sync_worker.catalog.spec import UPDATED_AT, Parent, RecycleBin, ScopeKind, StreamSpec, SyncMode, columns

DRAWING_AREAS = StreamSpec(
    name="drawing_areas",
    tool="Project Management/Drawings",
    path="/rest/v1.1/projects/{project_id}/drawing_areas",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=columns(
        integer="id drawings_count",
        string="name description",
        boolean="deletable",
        datetime="created_at updated_at latest_revision_update",
    ),
    tags=frozenset({"project_management", "documents"}),
)

DRAWING_SETS = StreamSpec(
    name="drawing_sets",
    tool="Project Management/Drawings",
    path="/rest/v1.0/projects/{project_id}/drawing_sets",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=columns(
        integer="id position published_drawings_count unpublished_drawings_count",
        string="name",
        boolean="connected deletable",
        date="date",
        datetime="created_at updated_at",
    ),
    tags=frozenset({"project_management", "documents"}),
)

DRAWING_REVISIONS = StreamSpec(
    name="drawing_revisions",
    tool="Project Management/Drawings",
    path="/rest/v1.0/projects/{project_id}/drawing_revisions",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=columns(
        integer="""
            id drawing_id drawing_sketches_count height pdf_size png_size width position order_in_drawing
            drawing_set_id
        """,
        string="""
            number pdf_url png_url title revision_number thumbnail_url large_thumbnail_url
            activity_stream_last_viewed_at zip_url status
        """,
        boolean="""
            has_public_markup_layer_elements has_drawing_sketches current floorplan obsolete connectability_outdated
        """,
        date="drawing_date received_date",
        datetime="updated_at",
        object="drawing_set drawing_area discipline custom_fields",
    ),
    mode=SyncMode.INCREMENTAL,
    # The default hides obsolete revisions, and deleted ones too, but no field marks those as deleted.
    query={"with_obsolete": "true", "sort": "id"},
    cursor=UPDATED_AT,
    deletes=RecycleBin(query={"filters[deleted]": "only"}),
    volatile=("pdf_url", "png_url", "thumbnail_url", "large_thumbnail_url", "zip_url"),
    tags=frozenset({"project_management", "documents"}),
)

DRAWING_DISCIPLINES = StreamSpec(
    name="drawing_disciplines",
    tool="Project Management/Drawings",
    path="/rest/v1.1/projects/{project_id}/drawing_disciplines",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=columns(integer="id position", string="name", array="abbreviations"),
    tags=frozenset({"project_management", "documents"}),
)

# The list has no project parameter: the area belongs to one.
DRAWINGS = StreamSpec(
    name="drawings",
    tool="Project Management/Drawings",
    path="/rest/v1.1/drawing_areas/{drawing_area_id}/drawings",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=columns(
        integer="id drawing_discipline_id",
        string="discipline number title",
        boolean="obsolete",
        object="current_revision",
    ),
    parent=Parent(DRAWING_AREAS.name, "drawing_area_id"),
    volatile=(
        "current_revision.large_thumbnail_url",
        "current_revision.pdf_url",
        "current_revision.png_url",
        "current_revision.thumbnail_url",
        "current_revision.zip_url",
    ),
    tracked=("obsolete",),
    tags=frozenset({"project_management", "documents"}),
)

STREAMS = (DRAWING_AREAS, DRAWING_SETS, DRAWING_REVISIONS, DRAWING_DISCIPLINES, DRAWINGS)
