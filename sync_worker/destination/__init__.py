"""Where data lands: SQLite behind one small protocol."""
