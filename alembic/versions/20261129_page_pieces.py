"""long pages in pieces: a reader holds one of them, not the whole page

Revision ID: 0009
Revises: 0008
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

PIECE_CHARACTERS = 65_536
_PAGES = sa.table(
    "pages", sa.column("document_id"), sa.column("index"), sa.column("markdown", sa.Text())
)
_PIECES = sa.table(
    "page_pieces",
    sa.column("document_id"),
    sa.column("index"),
    sa.column("number"),
    sa.column("markdown", sa.Text()),
)


def upgrade() -> None:
    op.create_table(
        "page_pieces",
        sa.Column("document_id", sa.String(length=30), nullable=False),
        sa.Column("index", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("markdown", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["document_id", "index"],
            ["pages.document_id", "pages.index"],
            name=op.f("fk_page_pieces_document_id_pages"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("document_id", "index", "number", name=op.f("pk_page_pieces")),
    )
    connection = op.get_bind()
    is_long = sa.func.octet_length(_PAGES.c.markdown) > PIECE_CHARACTERS
    for key in connection.execute(
        sa.select(_PAGES.c.document_id, _PAGES.c.index).where(is_long)
    ).fetchall():
        _cut(connection, *key)


def downgrade() -> None:
    connection = op.get_bind()
    for key in connection.execute(
        sa.select(_PIECES.c.document_id, _PIECES.c.index).distinct()
    ).fetchall():
        _join(connection, *key)
    op.drop_table("page_pieces")


def _cut(connection: Any, document_id: str, index: int) -> None:
    text = connection.scalar(sa.select(_PAGES.c.markdown).where(*_page(document_id, index)))
    for start in range(PIECE_CHARACTERS, len(text), PIECE_CHARACTERS):
        row = {
            "document_id": document_id,
            "index": index,
            "number": start // PIECE_CHARACTERS,
            "markdown": text[start : start + PIECE_CHARACTERS],
        }
        connection.execute(sa.insert(_PIECES).values(row))
    if len(text) > PIECE_CHARACTERS:
        first = {"markdown": text[:PIECE_CHARACTERS]}
        connection.execute(sa.update(_PAGES).where(*_page(document_id, index)).values(first))


def _join(connection: Any, document_id: str, index: int) -> None:
    first = connection.scalar(sa.select(_PAGES.c.markdown).where(*_page(document_id, index)))
    further = connection.scalars(
        sa.select(_PIECES.c.markdown)
        .where(_PIECES.c.document_id == document_id, _PIECES.c.index == index)
        .order_by(_PIECES.c.number)
    )
    whole = {"markdown": "".join([first, *further])}
    connection.execute(sa.update(_PAGES).where(*_page(document_id, index)).values(whole))


def _page(document_id: str, index: int) -> tuple[Any, Any]:
    return _PAGES.c.document_id == document_id, _PAGES.c.index == index
