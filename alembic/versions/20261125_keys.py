"""keys and limits: API keys, reservations, sums by day

Revision ID: 0004
Revises: 0003
"""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

RESERVING = "reserved_pages > 0 AND status IN ('pending', 'processing')"


def upgrade() -> None:
    _create_api_keys()
    _create_daily_usage()
    with op.batch_alter_table("documents", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("reserved_pages", sa.Integer(), nullable=False, server_default="0")
        )
        batch_op.add_column(
            sa.Column("reserved_micros", sa.BigInteger(), nullable=False, server_default="0")
        )
        batch_op.create_index(
            "ix_documents_reserving",
            ["owner", "reserved_pages", "reserved_micros", "status"],
            unique=False,
            sqlite_where=sa.text(RESERVING),
            postgresql_where=sa.text(RESERVING),
        )


def _create_api_keys() -> None:
    op.create_table(
        "api_keys",
        sa.Column("id", sa.String(length=30), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("prefix", sa.String(length=16), nullable=False),
        sa.Column("previous_hash", sa.String(length=64), nullable=True),
        sa.Column("previous_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("requests_per_minute", sa.Integer(), nullable=True),
        sa.Column("pages_per_day", sa.Integer(), nullable=True),
        sa.Column("budget_micros_month", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rotated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
    )
    with op.batch_alter_table("api_keys", schema=None) as batch_op:
        batch_op.create_index("ix_api_keys_hash", ["hash"], unique=True)
        batch_op.create_index(
            "ix_api_keys_previous_hash",
            ["previous_hash"],
            unique=True,
            sqlite_where=sa.text("previous_hash IS NOT NULL"),
            postgresql_where=sa.text("previous_hash IS NOT NULL"),
        )
        batch_op.create_index("ix_api_keys_owner", ["owner"], unique=True)
        batch_op.create_index(
            "ix_api_keys_name",
            ["name"],
            unique=True,
            sqlite_where=sa.text("revoked_at IS NULL"),
            postgresql_where=sa.text("revoked_at IS NULL"),
        )


def _create_daily_usage() -> None:
    op.create_table(
        "daily_usage",
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("pages", sa.Integer(), nullable=False),
        sa.Column("cost_micros", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("owner", "day", name=op.f("pk_daily_usage")),
    )
    op.execute(
        "INSERT INTO daily_usage (owner, day, pages, cost_micros) "
        "SELECT owner, substr(settled_at, 1, 10), sum(pages), sum(total_cost_micros) FROM usage "
        "WHERE state = 'settled' AND settled_at IS NOT NULL "
        "GROUP BY owner, substr(settled_at, 1, 10)"
    )


def downgrade() -> None:
    with op.batch_alter_table("documents", schema=None) as batch_op:
        batch_op.drop_index("ix_documents_reserving")
        batch_op.drop_column("reserved_micros")
        batch_op.drop_column("reserved_pages")
    op.drop_table("daily_usage")
    op.drop_table("api_keys")
