"""Drawings, specifications, schedules, documents, forms and photos."""

from sync_worker.job import SyncJob

JOB = SyncJob(
    title="Documents",
    streams=(
        "documents",
        "company_documents",
        "drawing_areas",
        "drawing_sets",
        "drawing_revisions",
        "specification_sections",
        "specification_section_divisions",
        "specification_section_revisions",
        "forms",
        "company_form_templates",
        "photos",
        "schedule_tasks",
        "schedules",
        "schedule_activities",
    ),
    schedule="10 7 * * *",
)
