#!/usr/bin/env bash
# SQLAlchemy on SQLite: a correlated subquery in RETURNING compares a row with itself.
#
# One would guess: an expression means the same in `select(...)` and in `update(...).returning(...)`,
# and the same on PostgreSQL and on SQLite; what cannot be written there is refused.
#
# What happens: SQLite takes no table names in RETURNING, so SQLAlchemy leaves them out of the whole
# clause, also within subqueries. `child.parent_id = nodes.id` becomes `parent_id = id`, of which
# both are found in the subquery's own table. No error: the answer is about other rows.
#
# Why it matters: "UPDATE … RETURNING whether anybody refers to it" saves a statement, passes on
# PostgreSQL, and on SQLite says no where the answer is yes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check SQLAlchemy==2.1.9
cat > "$folder/run.py" <<'PYTHON'
import sqlite3
import sys

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

nodes = sa.Table(
    "nodes",
    sa.MetaData(),
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("parent_id", sa.Integer),
)
child = nodes.alias("child")
has_children = sa.exists().where(child.c.parent_id == nodes.c.id)
engine = sa.create_engine("sqlite://")
nodes.metadata.create_all(engine)
with engine.begin() as connection:
    connection.execute(nodes.insert(), [{"id": 1, "parent_id": None}, {"id": 2, "parent_id": 1}])
    selected = connection.scalar(sa.select(has_children).where(nodes.c.id == 1))
    update = nodes.update().where(nodes.c.id == 1).values(parent_id=None).returning(has_children)
    returned = connection.scalar(update)
written = " ".join(str(update.compile(engine)).split())
print(f"SQLAlchemy {sa.__version__}, SQLite {sqlite3.sqlite_version}")
print("select:", selected, " returning:", returned)
print("SQLite:    ", written[written.index("RETURNING") :])
elsewhere = " ".join(str(update.compile(dialect=postgresql.dialect())).split())
print("PostgreSQL:", elsewhere[elsewhere.index("RETURNING") :])
sys.exit(0 if selected and not returned else "The behaviour has changed.")
PYTHON
"$folder/venv/bin/python" "$folder/run.py"
# Seen: SQLAlchemy 2.1.9 with SQLite 3.40.1, as printed: select True, returning False.
