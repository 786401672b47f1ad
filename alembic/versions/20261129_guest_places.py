"""guest places: the ready jobs of each owner

Revision ID: 0011
Revises: 0010
"""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_READY = "status = 'pending' AND scheduled_at IS NULL"


def upgrade() -> None:
    op.create_index(
        "ix_job_ready_of_owner",
        "job_queue",
        ["lane", "owner", "rank", "id"],
        unique=False,
        sqlite_where=sa.text(_READY),
        postgresql_where=sa.text(_READY),
    )


def downgrade() -> None:
    op.drop_index("ix_job_ready_of_owner", table_name="job_queue")
