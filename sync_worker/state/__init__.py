"""The worker's own tables: ledger, checkpoints, migrations; SQL is kept as SQL."""
