"""Companies, projects, people and vendors, and what the company sets up once for all of them."""

from sync_worker.job import SyncJob

JOB = SyncJob(
    title="Directory",
    streams=(
        "companies",
        "projects",
        "offices",
        "programs",
        "departments",
        "roles",
        "trades",
        "work_classifications",
        "custom_field_definitions",
        "generic_tools",
        "company_equipment",
        "company_users",
        "company_users_inactive",
        "vendors",
        "vendors_inactive",
        "project_users",
        "project_vendors",
        "project_roles",
        "locations",
    ),
    schedule="45 10 * * *",
)
