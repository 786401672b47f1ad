"""when the predecessor's content was adopted

Revision ID: 0003
Revises: 0002
"""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("instance", schema=None) as batch_op:
        batch_op.add_column(sa.Column("adopted_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    # The version before knows no archive: there they are what they were before.
    op.execute("UPDATE documents SET status = 'completed' WHERE status = 'archived'")
    with op.batch_alter_table("instance", schema=None) as batch_op:
        batch_op.drop_column("adopted_at")
