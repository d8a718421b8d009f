"""Pages to changed rows, pure where it can be."""
