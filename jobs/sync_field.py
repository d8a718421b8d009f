"""The work in the field: RFIs, submittals, punch items, tasks, meetings and daily logs."""

from sync_worker.catalog import tagged
from sync_worker.job import SyncJob

JOB = SyncJob(
    title="Field",
    streams=(
        "rfis",
        "submittals",
        "punch_items",
        "task_items",
        "meetings",
        "correspondence_items",
        "coordination_issues",
        *tagged("daily_logs"),
    ),
    # A run takes 2,400 calls for 100 projects: every hour would leave too few of 3,600 for the other jobs.
    schedule="0 */2 * * *",
)
