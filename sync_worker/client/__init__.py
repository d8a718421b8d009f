"""HTTP to Procore: one attempt at a time, within the allowance."""
