"""the structure of results: blocks, details and words of pages, what a document says of itself

Revision ID: 0012
Revises: 0011
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from alembic import op
from ilios.migration import downgrades

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_COLUMNS: tuple[tuple[str, str, Any], ...] = (
    ("documents", "info", sa.JSON()),
    ("pages", "confidence", sa.Double()),
    ("pages", "details", sa.Text()),
    ("pages", "layout", sa.Text()),
    ("page_pieces", "layout", sa.Text()),
)
_OPTIONS = ("include_blocks", "confidence", "image_limit", "image_min_size")
_TRIGGERS = (
    "page_added",
    "page_changed",
    "page_removed",
    "piece_added",
    "piece_changed",
    "piece_removed",
)


def upgrade() -> None:
    """Add nullable columns at the end of each row: no row is written, however many there are."""
    for table, name, kind in _COLUMNS:
        op.add_column(table, sa.Column(name, kind, nullable=True))
    op.create_table(
        "page_words",
        sa.Column("document_id", sa.String(length=30), nullable=False),
        sa.Column("index", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["document_id", "index"],
            ["pages.document_id", "pages.index"],
            name=op.f("fk_page_words_document_id_index_pages"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("document_id", "index", "number", name=op.f("pk_page_words")),
    )


def downgrade() -> None:
    downgrades.forget_options(op.get_bind(), *_OPTIONS)
    _drop_search_index()
    op.drop_table("page_words")
    # They name the columns; the older version makes its own, and counts anew.
    for trigger in _TRIGGERS:
        op.execute(f"DROP TRIGGER IF EXISTS owner_totals_{trigger}")
    for table, name, _ in reversed(_COLUMNS):
        op.drop_column(table, name)


def _drop_search_index() -> None:
    """Drop what the newer version makes after its migrations, without a word left of it."""
    op.execute("PRAGMA secure_delete=ON")
    for kind in ("trigger", "view", "table"):
        # A virtual table takes those with it that it consists of.
        found = op.get_bind().exec_driver_sql(
            "SELECT name FROM sqlite_master WHERE type = ? AND name LIKE 'search\\_%' ESCAPE '\\' "
            "ORDER BY sql LIKE 'CREATE VIRTUAL%' DESC",
            (kind,),
        )
        for (name,) in found.fetchall():
            op.execute(f"DROP {kind} IF EXISTS {name}")
