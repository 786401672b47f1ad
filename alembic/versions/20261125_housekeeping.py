"""housekeeping: lists, cancelling, deleting, retention, a queue that pauses

Revision ID: 0005
Revises: 0004
"""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_PARTIAL = {
    "ix_documents_listed": (
        ["owner", "created_at", "id", "file_name"],
        "status != 'deleted'",
    ),
    "ix_documents_to_expire": (
        ["retention_days", "created_at"],
        "archived_at IS NULL AND status IN ('completed', 'failed', 'cancelled')",
    ),
    "ix_documents_archived": (["retention_days", "created_at"], "archived_at IS NOT NULL"),
    "ix_documents_awaiting_upload": (["created_at"], "status = 'awaiting_upload'"),
    "ix_documents_to_erase": (["deleted_at"], "to_erase"),
}
_STILL_AT_IT = "status = 'cancelled' AND worker IS NOT NULL"


def upgrade() -> None:
    with op.batch_alter_table("instance", schema=None) as batch_op:
        batch_op.add_column(sa.Column("queue_paused_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("swept_at", sa.DateTime(timezone=True), nullable=True))

    with op.batch_alter_table("documents", schema=None) as batch_op:
        batch_op.add_column(sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(
            sa.Column("to_erase", sa.Boolean(), nullable=False, server_default=sa.false())
        )
        batch_op.create_index(
            "ix_documents_by_status", ["owner", "status", "created_at", "id"], unique=False
        )
        for name, (columns, where) in _PARTIAL.items():
            batch_op.create_index(
                name,
                columns,
                unique=False,
                sqlite_where=sa.text(where),
                postgresql_where=sa.text(where),
            )

    with op.batch_alter_table("job_queue", schema=None) as batch_op:
        batch_op.create_index(
            "ix_job_let_go",
            ["worker"],
            unique=False,
            sqlite_where=sa.text(_STILL_AT_IT),
            postgresql_where=sa.text(_STILL_AT_IT),
        )


_AWAITED = """EXISTS (SELECT 1 FROM documents AS twin
    WHERE twin.result_of = documents.id AND twin.status IN ('pending', 'processing'))"""


def downgrade() -> None:
    # The version before lets nobody end before those that have joined it …
    op.execute(
        "UPDATE documents SET status = 'pending' "  # noqa: S608
        f"WHERE status IN ('cancelled', 'deleted', 'failed') AND {_AWAITED}"
    )
    # … and knows but one end without a result.
    op.execute(
        "UPDATE documents SET error = 'This was ' || status || '.', error_code = status, "
        "status = 'failed' WHERE status IN ('cancelled', 'deleted')"
    )
    op.execute("UPDATE job_queue SET status = 'failed', worker = NULL WHERE status = 'cancelled'")
    with op.batch_alter_table("job_queue", schema=None) as batch_op:
        batch_op.drop_index("ix_job_let_go")

    with op.batch_alter_table("documents", schema=None) as batch_op:
        for name in (*_PARTIAL, "ix_documents_by_status"):
            batch_op.drop_index(name)
        batch_op.drop_column("to_erase")
        batch_op.drop_column("deleted_at")

    with op.batch_alter_table("instance", schema=None) as batch_op:
        batch_op.drop_column("swept_at")
        batch_op.drop_column("queue_paused_at")
