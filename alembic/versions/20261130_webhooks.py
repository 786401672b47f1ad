"""webhooks: the addresses of keys, batches and documents, and what is sent to them

Revision ID: 0017
Revises: 0016
"""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_TRIGGERS = ("document_added", "document_changed", "delivery_added")
_WAITING = "status = 'pending' AND next_attempt_at IS NOT NULL"
_PARTIAL = {
    "ix_webhook_deliveries_waiting": (("owner", "receiver", "next_attempt_at"), _WAITING),
    "ix_webhook_deliveries_open": (("next_attempt_at", "created_at"), "ended_at IS NULL"),
    "ix_webhook_deliveries_sending": (("owner",), "status = 'sending'"),
    "ix_webhook_deliveries_ended": (("ended_at",), "ended_at IS NOT NULL"),
}


def upgrade() -> None:
    """Add a table, and columns at the end of rows. ilios.db.webhook_triggers makes the triggers."""
    op.create_table(
        "webhook_deliveries",
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.String(length=30), nullable=False),
        sa.Column("event_id", sa.String(length=30), nullable=False),
        sa.Column("stream", sa.String(length=30), nullable=False),
        sa.Column("type", sa.String(length=30), nullable=False),
        sa.Column("document_id", sa.String(length=30), nullable=True),
        sa.Column("batch_id", sa.String(length=30), nullable=True),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("receiver", sa.Text(), nullable=False),
        sa.Column("details", sa.Text(), nullable=True),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("first_attempt_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_status", sa.Integer(), nullable=True),
        sa.Column("last_error", sa.String(length=30), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("owner", "number", name=op.f("pk_webhook_deliveries")),
    )
    op.create_index("ix_webhook_deliveries_id", "webhook_deliveries", ["id"], unique=True)
    op.create_index("ix_webhook_deliveries_stream", "webhook_deliveries", ["stream", "number"])
    for name, (columns, where) in _PARTIAL.items():
        op.create_index(
            name,
            "webhook_deliveries",
            list(columns),
            sqlite_where=sa.text(where),
            postgresql_where=sa.text(where),
        )
    for table in ("batches", "documents", "api_keys"):
        op.add_column(table, sa.Column("webhook_url", sa.Text(), nullable=True))
    op.add_column(
        "api_keys",
        sa.Column("webhook_secrets", sa.Integer(), nullable=False, server_default="0"),
    )
    op.add_column("api_keys", sa.Column("webhook_secret_hash", sa.String(length=64)))


def downgrade() -> None:
    """Drop what was not delivered with the rest: the version before sends nothing."""
    for trigger in _TRIGGERS:
        op.execute(f"DROP TRIGGER IF EXISTS webhooks_{trigger}")
    op.drop_column("api_keys", "webhook_secret_hash")
    op.drop_column("api_keys", "webhook_secrets")
    for table in ("api_keys", "documents", "batches"):
        op.drop_column(table, "webhook_url")
    op.drop_table("webhook_deliveries")
