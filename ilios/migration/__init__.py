"""What `alembic upgrade head` runs under. Imported by alembic/env.py only."""
