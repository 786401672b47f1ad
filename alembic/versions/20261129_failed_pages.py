"""pages that could not be converted, of documents that may be completed without them

Revision ID: 0013
Revises: 0012
"""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op
from ilios.migration import downgrades

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a nullable column at the end of each row: no row is written."""
    op.add_column("documents", sa.Column("failed_pages", sa.JSON(), nullable=True))


NOT_WITHOUT_PAGES = (
    "Pages of this document failed, and the version before completes none without them. Retry it: "
    "only what is missing is converted."
)


def downgrade() -> None:
    """Leave results that lack pages as they are, with their warning; they answer no duplicate."""
    lacks_pages = downgrades.DOCUMENTS.c.failed_pages.is_not(None)
    downgrades.fail_open(op.get_bind(), lacks_pages, NOT_WITHOUT_PAGES)
    downgrades.forget_options(op.get_bind(), "allow_partial")
    op.get_bind().execute(
        sa.update(downgrades.DOCUMENTS).where(lacks_pages).values(fingerprint=None)
    )
    op.drop_column("documents", "failed_pages")
