"""paid calls: lanes, ranges, shared results, the provider's batches

Revision ID: 0002
Revises: 0001
"""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "provider_batches",
        sa.Column("id", sa.String(length=30), nullable=False),
        sa.Column("batch_id", sa.String(length=30), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("model", sa.String(length=100), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "preparing",
                "submitting",
                "running",
                "cleaning",
                "ended",
                name="providerbatchstate",
                native_enum=False,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("provider_job_id", sa.String(length=100), nullable=True),
        sa.Column("provider_status", sa.String(length=40), nullable=True),
        sa.Column("input_file_ids", sa.JSON(), nullable=False),
        sa.Column("file_ids", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["batches.id"], name=op.f("fk_provider_batches_batch_id_batches")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_provider_batches")),
    )
    with op.batch_alter_table("provider_batches", schema=None) as batch_op:
        batch_op.create_index("ix_provider_batches_batch", ["batch_id"], unique=False)

    with op.batch_alter_table("documents", schema=None) as batch_op:
        batch_op.add_column(sa.Column("fingerprint", sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column("result_of", sa.String(length=30), nullable=True))
        batch_op.add_column(sa.Column("provider_batch_id", sa.String(length=30), nullable=True))
        batch_op.create_index(
            "ix_documents_fingerprint",
            ["owner", "fingerprint"],
            unique=False,
            sqlite_where=sa.text("fingerprint IS NOT NULL AND result_of IS NULL"),
            postgresql_where=sa.text("fingerprint IS NOT NULL AND result_of IS NULL"),
        )
        batch_op.create_index(
            "ix_documents_provider_batch",
            ["provider_batch_id"],
            unique=False,
            sqlite_where=sa.text("provider_batch_id IS NOT NULL"),
            postgresql_where=sa.text("provider_batch_id IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_documents_result_of",
            ["result_of"],
            unique=False,
            sqlite_where=sa.text("result_of IS NOT NULL"),
            postgresql_where=sa.text("result_of IS NOT NULL"),
        )

    with op.batch_alter_table("job_queue", schema=None) as batch_op:
        batch_op.add_column(sa.Column("provider_batch_id", sa.String(length=30), nullable=True))
        batch_op.add_column(
            sa.Column("lane", sa.String(length=20), nullable=False, server_default="embedded")
        )
        batch_op.alter_column("document_id", existing_type=sa.VARCHAR(length=30), nullable=True)
        batch_op.drop_index(
            batch_op.f("ix_job_ready"),
            sqlite_where=sa.text("status = 'pending' AND scheduled_at IS NULL"),
        )
        batch_op.create_index(
            "ix_job_ready",
            ["lane", "rank", "id"],
            unique=False,
            sqlite_where=sa.text("status = 'pending' AND scheduled_at IS NULL"),
            postgresql_where=sa.text("status = 'pending' AND scheduled_at IS NULL"),
        )

    with op.batch_alter_table("usage", schema=None) as batch_op:
        batch_op.add_column(sa.Column("first_page", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("last_page", sa.Integer(), nullable=True))
        batch_op.add_column(
            sa.Column("expected_pages", sa.Integer(), nullable=False, server_default="0")
        )
        batch_op.add_column(
            sa.Column("is_batch", sa.Boolean(), nullable=False, server_default=sa.false())
        )


# The version before knows neither shared results nor page ranges nor the provider's batch lane:
# each document gets pages of its own, and what is not ended is converted as a whole, in its turn.
COPY_SHARED_PAGES = """
    INSERT INTO pages (document_id, "index", markdown, width, height, dpi, images)
    SELECT d.id, p."index", p.markdown, p.width, p.height, p.dpi, p.images
    FROM documents AS d JOIN pages AS p ON p.document_id = d.result_of
    WHERE d.status = 'completed'
"""
FORGET_UNFINISHED_PAGES = """
    DELETE FROM pages WHERE document_id IN
        (SELECT id FROM documents WHERE status IN ('pending', 'processing'))
"""
DROP_OTHER_JOBS = "DELETE FROM job_queue WHERE type <> 'convert'"
ENQUEUE_UNFINISHED = """
    INSERT INTO job_queue (id, document_id, owner, type, lane, status, priority, rank, attempts,
        max_attempts, crashes, created_at)
    SELECT lower(hex(randomblob(12))), id, owner, 'convert', 'embedded', 'pending', 5,
        CAST(strftime('%s', created_at) AS INTEGER) * 1000 - 3000000, 0, 3, 0, created_at
    FROM documents
    WHERE status IN ('pending', 'processing') AND id NOT IN
        (SELECT document_id FROM job_queue WHERE status IN ('pending', 'processing'))
"""
WAIT_AGAIN = "UPDATE documents SET status = 'pending', pages_done = 0 WHERE status = 'processing'"


def downgrade() -> None:
    for statement in (
        COPY_SHARED_PAGES,
        FORGET_UNFINISHED_PAGES,
        DROP_OTHER_JOBS,
        ENQUEUE_UNFINISHED,
        WAIT_AGAIN,
    ):
        op.execute(statement)
    with op.batch_alter_table("usage", schema=None) as batch_op:
        batch_op.drop_column("is_batch")
        batch_op.drop_column("expected_pages")
        batch_op.drop_column("last_page")
        batch_op.drop_column("first_page")

    with op.batch_alter_table("job_queue", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_job_ready",
            sqlite_where=sa.text("status = 'pending' AND scheduled_at IS NULL"),
            postgresql_where=sa.text("status = 'pending' AND scheduled_at IS NULL"),
        )
        batch_op.create_index(
            batch_op.f("ix_job_ready"),
            ["rank", "id"],
            unique=False,
            sqlite_where=sa.text("status = 'pending' AND scheduled_at IS NULL"),
        )
        batch_op.alter_column("document_id", existing_type=sa.VARCHAR(length=30), nullable=False)
        batch_op.drop_column("lane")
        batch_op.drop_column("provider_batch_id")

    with op.batch_alter_table("documents", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_documents_result_of",
            sqlite_where=sa.text("result_of IS NOT NULL"),
            postgresql_where=sa.text("result_of IS NOT NULL"),
        )
        batch_op.drop_index(
            "ix_documents_provider_batch",
            sqlite_where=sa.text("provider_batch_id IS NOT NULL"),
            postgresql_where=sa.text("provider_batch_id IS NOT NULL"),
        )
        batch_op.drop_index(
            "ix_documents_fingerprint",
            sqlite_where=sa.text("fingerprint IS NOT NULL AND result_of IS NULL"),
            postgresql_where=sa.text("fingerprint IS NOT NULL AND result_of IS NULL"),
        )
        batch_op.drop_column("provider_batch_id")
        batch_op.drop_column("result_of")
        batch_op.drop_column("fingerprint")

    with op.batch_alter_table("provider_batches", schema=None) as batch_op:
        batch_op.drop_index("ix_provider_batches_batch")

    op.drop_table("provider_batches")
