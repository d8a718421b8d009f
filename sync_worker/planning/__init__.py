"""When it is known what to read: requests, in which order, at what cost."""
