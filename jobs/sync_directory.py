"""Companies, projects, people and vendors."""

from sync_worker.job import SyncJob

JOB = SyncJob(
    title="Directory",
    streams=("companies", "projects", "tag:directory", "roles"),
    schedule="10 5 * * *",
)
