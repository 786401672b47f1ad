"""The database: sessions, the writer lock, group commit, and the version of the schema."""
