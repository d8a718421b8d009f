"""Who executes runs that are due."""
