"""What is drawn, specified, planned and filed: drawings, specifications, schedules, documents, forms, photos."""

from sync_worker.catalog import tagged
from sync_worker.job import SyncJob

JOB = SyncJob(
    title="Documents",
    streams=(
        *tagged("documents"),
        *tagged("schedule"),
    ),
    schedule="10 7 * * *",
)
