"""Observations, inspections, incidents and action plans; who was hurt is chosen by name."""

from sync_worker.job import SyncJob

JOB = SyncJob(
    title="Quality and safety",
    streams=(
        "observations",
        "inspections",
        "inspection_items",
        "incidents",
        "action_plans",
    ),
    schedule="20 1-21/4 * * *",
)
