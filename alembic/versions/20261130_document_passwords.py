"""passwords of documents, sealed, as long as these are open

Revision ID: 0018
Revises: 0017
"""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op
from ilios.migration import downgrades

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a table. ilios.db.password_triggers makes the trigger."""
    op.create_table(
        "document_passwords",
        sa.Column("document_id", sa.String(length=30), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["document_id"],
            ["documents.id"],
            name=op.f("fk_document_passwords_document_id_documents"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("document_id", name=op.f("pk_document_passwords")),
    )
    is_left = sa.text("sealed = ''")
    op.create_index(
        "ix_document_passwords_left",
        "document_passwords",
        ["document_id"],
        sqlite_where=is_left,
        postgresql_where=is_left,
    )


NOT_OPENED = (
    "This document came with a password, and the version before takes none. Send it without "
    "protection."
)


def downgrade() -> None:
    downgrades.fail_open(op.get_bind(), _has_password(), NOT_OPENED)
    op.execute("DROP TRIGGER IF EXISTS passwords_document_ended")
    op.drop_table("document_passwords")


def _has_password() -> sa.ColumnElement[bool]:
    kept = sa.table("document_passwords", sa.column("document_id"), sa.column("sealed"))
    waiting = sa.select(kept.c.document_id).where(kept.c.sealed > "")
    return downgrades.DOCUMENTS.c.id.in_(waiting)
