"""Moves a service between a SQLite file and PostgreSQL, its objects too: `ilios migrate --to`."""
