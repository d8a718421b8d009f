"""Reports: a job builds a document from what is stored, a format renders it, the archive keeps it."""
