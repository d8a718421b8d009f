"""Streams of the Specifications tool."""

from __future__ import annotations

from sync_worker.catalog.spec import NO_PAGING, Parent, ScopeKind, StreamSpec, columns

SPECIFICATION_SECTIONS = StreamSpec(
    name="specification_sections",
    tool="Project Management/Specifications",
    path="/rest/v1.0/specification_sections",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=columns(integer="id current_revision_id", string="number description label"),
    query={"project_id": "{project_id}"},
    paging=NO_PAGING,
    tags=frozenset({"project_management", "documents"}),
)

SPECIFICATION_SECTION_DIVISIONS = StreamSpec(
    name="specification_section_divisions",
    tool="Project Management/Specifications",
    path="/rest/v1.0/specification_section_divisions",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=columns(integer="id", string="number description url"),
    query={"project_id": "{project_id}"},
    volatile=("url",),
    tags=frozenset({"project_management", "documents"}),
)

SPECIFICATION_SECTION_REVISIONS = StreamSpec(
    name="specification_section_revisions",
    tool="Project Management/Specifications",
    path="/rest/v1.0/specification_section_revisions",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=columns(
        integer="id specification_section_id specification_set_id",
        string="number description url revision updated_at",
        date="issued_date received_date",
        object="custom_fields",
    ),
    parent=Parent(SPECIFICATION_SECTION_DIVISIONS.name, "specification_section_division_id"),
    # The division is required; the default leaves out superseded revisions.
    query={
        "project_id": "{project_id}",
        "specification_section_division_id": "{specification_section_division_id}",
        "all_revisions": "true",
    },
    volatile=("url",),
    tags=frozenset({"project_management", "documents"}),
)

SPECIFICATION_SETS = StreamSpec(
    name="specification_sets",
    tool="Project Management/Specifications",
    path="/rest/v1.0/projects/{project_id}/specification_sets",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=columns(integer="id position", string="name", date="created_at deleted_at updated_at date"),
    tags=frozenset({"project_management", "documents"}),
)

STREAMS = (SPECIFICATION_SECTIONS, SPECIFICATION_SECTION_DIVISIONS, SPECIFICATION_SECTION_REVISIONS, SPECIFICATION_SETS)
