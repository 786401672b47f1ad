"""What `alembic upgrade head` runs under. Imported by alembic's scripts only."""
