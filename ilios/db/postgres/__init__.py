"""PostgreSQL: all that it does otherwise than SQLite. Nothing else imports its driver."""
