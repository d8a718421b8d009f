"""One run from start to ledger."""
