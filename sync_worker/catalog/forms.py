"""Streams of the Forms tool."""

from __future__ import annotations

from sync_worker.catalog.spec import ATTACHMENT_URLS, UPDATED_AT, RecycleBin, ScopeKind, StreamSpec, SyncMode, columns

FORMS = StreamSpec(
    name="forms",
    tool="Project Management/Forms",
    path="/rest/v1.1/projects/{project_id}/forms",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=columns(
        integer="id form_template_id viewable_document_id",
        string="description form_template_name name thumbnail_url holder_class",
        boolean="private viewable deleted",
        datetime="created_at updated_at",
        object="created_by fillable_pdf download_all_uuid attachment permissions",
        array="attachments",
    ),
    mode=SyncMode.INCREMENTAL,
    query={"sort": "created_at"},
    cursor=UPDATED_AT,
    deletes=RecycleBin("/rest/v1.0/projects/{project_id}/recycle_bin/forms"),
    volatile=("thumbnail_url", "attachment.url", *ATTACHMENT_URLS),
    tags=frozenset({"project_management", "documents"}),
)

COMPANY_FORM_TEMPLATES = StreamSpec(
    name="company_form_templates",
    tool="Project Management/Forms",
    path="/rest/v1.0/companies/{company_id}/form_templates",
    scope=ScopeKind.COMPANY,
    primary_key=("id",),
    fields=columns(
        integer="id",
        string="name description",
        datetime="created_at updated_at",
        object="created_by attachment fillable_pdf",
    ),
    mode=SyncMode.INCREMENTAL,
    cursor=UPDATED_AT,
    volatile=("attachment.url", "fillable_pdf.url"),
    tags=frozenset({"project_management", "documents"}),
)

STREAMS = (FORMS, COMPANY_FORM_TEMPLATES)
