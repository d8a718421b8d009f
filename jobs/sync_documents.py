"""Photos."""

from sync_worker.job import SyncJob

JOB = SyncJob(title="Documents", streams=("photos",), schedule="20 4 * * *")
