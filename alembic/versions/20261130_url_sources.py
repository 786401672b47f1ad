"""addresses that documents are fetched from, and by what a server tells that they are unchanged

Revision ID: 0016
Revises: 0015
"""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op
from ilios.migration import downgrades

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_KNOWN = "etag IS NOT NULL OR last_modified IS NOT NULL"


def upgrade() -> None:
    op.create_table(
        "url_sources",
        sa.Column("document_id", sa.String(length=30), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("url_digest", sa.String(length=64), nullable=False),
        sa.Column("first_name", sa.Text(), nullable=True),
        sa.Column("is_named", sa.Boolean(), nullable=False),
        sa.Column("uses_cache", sa.Boolean(), nullable=False),
        sa.Column("final_digest", sa.String(length=64), nullable=True),
        sa.Column("etag", sa.Text(), nullable=True),
        sa.Column("last_modified", sa.Text(), nullable=True),
        sa.Column("fetched_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["document_id"],
            ["documents.id"],
            name=op.f("fk_url_sources_document_id_documents"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("document_id", name=op.f("pk_url_sources")),
    )
    op.create_index(
        "ix_url_sources_known",
        "url_sources",
        ["owner", "url_digest", "fetched_at"],
        sqlite_where=sa.text(_KNOWN),
        postgresql_where=sa.text(_KNOWN),
    )


NOT_FETCHED = (
    "The address of this document was not fetched, and the version before fetches none. Send the "
    "file."
)


def downgrade() -> None:
    downgrades.fail_open(op.get_bind(), _is_not_fetched(), NOT_FETCHED)
    # The older version does not know what a fetch is.
    op.execute("DELETE FROM job_queue WHERE type = 'fetch'")
    # Nor a document without an object: of this one it finds none, and says so.
    op.execute(
        "UPDATE documents SET storage_key = 'incoming/never-fetched/' || id "
        "WHERE storage_key = '' AND status <> 'deleted'"
    )
    op.drop_table("url_sources")


def _is_not_fetched() -> sa.ColumnElement[bool]:
    sources = sa.table("url_sources", sa.column("document_id"), sa.column("url"))
    waiting = sa.select(sources.c.document_id).where(sources.c.url.is_not(None))
    return downgrades.DOCUMENTS.c.id.in_(waiting)
