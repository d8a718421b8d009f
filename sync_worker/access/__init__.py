"""Which lists this service account may read, what it remembers of refusals, and when it tries them again."""
