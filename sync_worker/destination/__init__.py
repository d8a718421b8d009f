"""The database: SQLite behind one small protocol."""
