"""Observations, inspections, incidents and action plans; who was hurt is chosen by name."""

from sync_worker.catalog import tagged
from sync_worker.job import SyncJob

JOB = SyncJob(
    title="Quality and safety",
    streams=tagged("quality_safety"),
    schedule="20 1-21/4 * * *",
)
