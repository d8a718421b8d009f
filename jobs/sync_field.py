"""What people in the field write and wait for: RFIs, submittals, punch items, tasks, meetings, daily logs."""

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
    # 2,400 calls for 100 projects: hourly, it would leave too few of 3,600 to the other jobs.
    schedule="0 */2 * * *",
)
