"""Commitments and budgets."""

from sync_worker.job import SyncJob

JOB = SyncJob(title="Financials", streams=("tag:financials",), schedule="30 */4 * * *")
