"""PostgreSQL behind Debian's PgBouncer, which gives each transaction another connection."""
