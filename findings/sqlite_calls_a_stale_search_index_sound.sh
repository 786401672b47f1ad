#!/usr/bin/env bash
# SQLite FTS5: an index that answers with words which a row no longer has is called sound.
#
# One would guess: `PRAGMA integrity_check`, and FTS5's own 'integrity-check' command, compare a full-text
# index with the table that it was made from (`content=`), as the pragma compares every other index with
# its table.
#
# What happens: after a row was changed without its index, the search finds the row by the old word and
# not by the new one, while `quick_check`, `integrity_check` and the plain 'integrity-check' command find
# nothing. Only the command with rank 1 compares the two, and its error is SQLITE_CORRUPT, as that of a
# damaged file would be.
#
# Why it matters: a nightly check, or a check of a restored backup, passes an index that gives away deleted
# words and misses documents. Whoever asks for the comparison must not take its error for a broken file:
# the 'rebuild' command mends it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pysqlite3==0.6.1
cat > "$folder/run.py" <<'PYTHON'
from pysqlite3 import dbapi2 as sqlite3

connection = sqlite3.connect(":memory:", isolation_level=None)
connection.execute("CREATE TABLE page (id INTEGER PRIMARY KEY, body TEXT)")
connection.execute("CREATE VIRTUAL TABLE words USING fts5(body, content='page', content_rowid='id')")
connection.execute("INSERT INTO page VALUES (1, 'salary of the manager')")
connection.execute("INSERT INTO words (rowid, body) SELECT id, body FROM page")
connection.execute("UPDATE page SET body = 'minutes of the meeting'")


def found(word):
    """Return the numbers of the rows that the index gives for a word."""
    rows = connection.execute("SELECT rowid FROM words WHERE words MATCH ?", (word,))
    return [number for (number,) in rows]


def verdict(statement):
    try:
        return [value for row in connection.execute(statement) for value in row]
    except sqlite3.DatabaseError as error:
        return error.sqlite_errorname


COMPARED = "INSERT INTO words (words, rank) VALUES ('integrity-check', 1)"
print("SQLite", sqlite3.sqlite_version)
print("the row says 'minutes'; found by 'salary':", found("salary"), "by 'minutes':", found("minutes"))
print("quick_check:", quick := verdict("PRAGMA quick_check"))
print("integrity_check:", whole := verdict("PRAGMA integrity_check"))
plain = verdict("INSERT INTO words (words) VALUES ('integrity-check')")
print("'integrity-check':", plain, "with rank 1:", compared := verdict(COMPARED))
assert (found("salary"), found("minutes")) == ([1], [])
assert (quick, whole, plain) == (["ok"], ["ok"], [])
assert compared == "SQLITE_CORRUPT"
connection.execute("INSERT INTO words (words) VALUES ('rebuild')")
assert (found("salary"), found("minutes"), verdict(COMPARED)) == ([], [1], [])
PYTHON
"$folder/venv/bin/python" "$folder/run.py"
