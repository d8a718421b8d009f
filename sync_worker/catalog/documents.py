"""Streams of the Documents tool."""

from __future__ import annotations

from sync_worker.catalog.spec import UPDATED_AT, RecycleBin, ScopeKind, StreamSpec, SyncMode, columns

DOCUMENT = columns(
    integer="id parent_id",
    string="name name_with_path document_type",
    boolean="read_only is_deleted is_recycle_bin is_tracked private",
    datetime="created_at updated_at",
    object="created_by private_parent tracked_folder file children custom_fields",
)
FILE_URLS = ("file.current_version.prostore_file.url", "file.current_version.url")

DOCUMENTS = StreamSpec(
    name="documents",
    tool="Core/Documents",
    # Folders and files in one flat list; /folders would take a call for each folder.
    path="/rest/v1.0/projects/{project_id}/documents",
    scope=ScopeKind.PROJECT,
    # It is not documented that folders and files never share an id.
    primary_key=("document_type", "id"),
    fields=DOCUMENT,
    mode=SyncMode.INCREMENTAL,
    query={"view": "extended"},
    cursor=UPDATED_AT,
    deletes=RecycleBin(query={"filters[is_in_recycle_bin]": "true"}),
    volatile=FILE_URLS,
    tags=frozenset({"documents"}),
)

COMPANY_DOCUMENTS = StreamSpec(
    name="company_documents",
    tool="Core/Documents",
    path="/rest/v1.0/companies/{company_id}/documents",
    scope=ScopeKind.COMPANY,
    primary_key=("document_type", "id"),
    fields=DOCUMENT,
    mode=SyncMode.INCREMENTAL,
    cursor=UPDATED_AT,
    volatile=FILE_URLS,
    tags=frozenset({"documents"}),
)

STREAMS = (DOCUMENTS, COMPANY_DOCUMENTS)
