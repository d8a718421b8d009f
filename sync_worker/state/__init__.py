"""What the worker remembers: ledger, checkpoints, migrations; SQL kept as SQL."""
