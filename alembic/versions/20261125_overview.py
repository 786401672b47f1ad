"""the status page: what has ended lately, and use by day

Revision ID: 0007
Revises: 0006
"""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_ENDED = "processed_at IS NOT NULL"


def upgrade() -> None:
    op.create_index(
        "ix_documents_ended",
        "documents",
        ["status", "processed_at", "page_count"],
        unique=False,
        sqlite_where=sa.text(_ENDED),
        postgresql_where=sa.text(_ENDED),
    )
    op.create_index("ix_daily_usage_day", "daily_usage", ["day"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_daily_usage_day", table_name="daily_usage")
    op.drop_index("ix_documents_ended", table_name="documents")
