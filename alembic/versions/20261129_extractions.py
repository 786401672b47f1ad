"""fields of documents by a schema, and which calls are paid at the price of pages with them

Revision ID: 0014
Revises: 0013
"""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op
from ilios.migration import downgrades

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a table, and a column at the end of each row: no row is written."""
    op.create_table(
        "extractions",
        sa.Column("document_id", sa.String(length=30), nullable=False),
        sa.Column("schema", sa.Text(), nullable=True),
        sa.Column("image_schema", sa.Text(), nullable=True),
        sa.Column("instructions", sa.Text(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["document_id"],
            ["documents.id"],
            name=op.f("fk_extractions_document_id_documents"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("document_id", name=op.f("pk_extractions")),
    )
    op.add_column(
        "usage",
        sa.Column("is_annotated", sa.Boolean(), nullable=False, server_default=sa.false()),
    )


NOT_WITHOUT_FIELDS = (
    "This document was sent with a schema, which the version before does not know. Send it again "
    "without one, or retry it: its pages are converted, without fields."
)


def downgrade() -> None:
    downgrades.fail_open(op.get_bind(), downgrades.asks_for("extraction"), NOT_WITHOUT_FIELDS)
    downgrades.forget_options(op.get_bind(), "extraction")
    op.drop_column("usage", "is_annotated")
    # It deletes from the table; the older version makes its own.
    op.execute("DROP TRIGGER IF EXISTS owner_totals_document_removed")
    op.drop_table("extractions")
