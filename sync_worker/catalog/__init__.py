"""Which streams there are: data, no I/O; one file per Procore tool family."""
