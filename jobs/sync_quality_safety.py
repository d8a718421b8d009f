"""Observations, inspections, incidents and action plans, without the sensitive lists of injuries."""

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
