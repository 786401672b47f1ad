"""Scripts of alembic/ change nothing that nodes of the version before still use."""

from __future__ import annotations

import pytest

from ilios.db import migrations
from tests.unit.migration.additive import breaking

FIRST = "0018"  #: with which PostgreSQL begins: there was no cluster before

ADDITIVE = """
def upgrade():
    op.create_table("colours", sa.Column("name", sa.Text(), nullable=False))
    op.add_column("documents", sa.Column("colour", sa.Text()))
    op.add_column("documents", sa.Column("n", sa.Integer(), nullable=False, server_default="0"))
    op.create_index(op.f("ix_colour"), "documents", ["colour"])

def downgrade():
    op.drop_table("colours")
"""


def test_scripts_add_or_say_since_when_nothing_uses_what_they_change() -> None:
    scripts = (migrations.folder() / "versions").glob("*.py")
    found = {path.name: path.read_text() for path in scripts}
    later = {name: text for name, text in found.items() if _revision(text) > FIRST}

    assert {name: wrong for name, text in later.items() if (wrong := breaking(text))} == {}
    assert max(map(_revision, found.values())) >= FIRST


def test_what_only_adds_needs_no_reason() -> None:
    assert breaking(ADDITIVE) == []


@pytest.mark.parametrize(
    ("step", "says"),
    [
        ('op.drop_column("documents", "info")', "drop_column"),
        ('op.alter_column("documents", "info", nullable=False)', "alter_column"),
        ('op.execute("UPDATE documents SET info = NULL")', "execute"),
        (
            'op.add_column("documents", sa.Column("c", sa.Text(), nullable=False))',
            "add_column without a default",
        ),
    ],
)
def test_whatever_else_a_script_does_needs_a_reason(step: str, says: str) -> None:
    script = f"def upgrade():\n    {step}\n"

    assert breaking(script) == [f"line 2: {says}"]
    assert breaking(f'out_of_use = "documents.info, since 0.3.0"\n{script}') == []


def _revision(text: str) -> str:
    return text.partition('\nrevision = "')[2].partition('"')[0]
