"""holdings: bytes stored and documents that wait, by owner, and limits for both

Revision ID: 0008
Revises: 0007
"""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_TRIGGERS = (
    "document_added",
    "document_changed",
    "document_removed",
    "page_added",
    "page_changed",
    "page_removed",
)


def upgrade() -> None:
    """Make table and columns. ilios.db.owner_totals fills the table after all migrations."""
    op.create_table(
        "owner_totals",
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("stored_bytes", sa.BigInteger(), nullable=False),
        sa.Column("announced_bytes", sa.BigInteger(), nullable=False),
        sa.Column("waiting_documents", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("owner", name=op.f("pk_owner_totals")),
    )
    with op.batch_alter_table("documents", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("part_bytes", sa.BigInteger(), nullable=False, server_default="0")
        )
    with op.batch_alter_table("pages", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("image_bytes", sa.BigInteger(), nullable=False, server_default="0")
        )
    with op.batch_alter_table("api_keys", schema=None) as batch_op:
        batch_op.add_column(sa.Column("storage_bytes", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("waiting_documents", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    for trigger in _TRIGGERS:
        op.execute(f"DROP TRIGGER IF EXISTS owner_totals_{trigger}")
    with op.batch_alter_table("api_keys", schema=None) as batch_op:
        batch_op.drop_column("waiting_documents")
        batch_op.drop_column("storage_bytes")
    with op.batch_alter_table("pages", schema=None) as batch_op:
        batch_op.drop_column("image_bytes")
    with op.batch_alter_table("documents", schema=None) as batch_op:
        batch_op.drop_column("part_bytes")
    op.drop_table("owner_totals")
