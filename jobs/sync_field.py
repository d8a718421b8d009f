"""What the field writes and waits for: RFIs, submittals, punch items, meetings, schedules, daily logs."""

from sync_worker.job import SyncJob

JOB = SyncJob(
    title="Field",
    streams=("rfis", "submittals", "punch_items", "meetings", "schedules", "schedule_activities", "tag:daily_logs"),
    schedule="0 * * * *",
)
