#!/usr/bin/env bash
# SQLite FTS5: with secure-delete, words of a row that was updated are found after its deletion.
#
# One would guess: an UPDATE of a row of a full-text table, or the two statements of the trigger that the
# documentation gives for external content, puts new words in the place of the old ones; a DELETE later
# takes out all of them, with 'secure-delete' so that no byte is left.
#
# What happens: FTS5 keeps both in memory until it writes them, and then edits the old words out of its
# segments if a bit says that they were deleted. It looks for that bit in the first byte of a number that
# has it in its last one (`pDoclist[iOff] & 0x01` in fts5FlushOneHash). When the positions of a word take
# 128 to 191 bytes, 256 to 319, and so on, the bit is not where it looks: the row then has the word in two
# segments. That goes unnoticed, for the newer one counts, and ends when both are merged. But a deletion
# before takes the word out of the newer segment only: searches find the deleted row from then on, and the
# 'integrity-check' fails.
#
# Why it matters: a long row has many words that come up a hundred times. A search gives a row that is gone,
# or the error "missing row"; a new row that gets its number is found by the words of the old one; and these
# are still in the file. A savepoint between the two statements has FTS5 write the deletion first, and then
# nothing is left.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pysqlite3==0.6.1
cat > "$folder/run.py" <<'PYTHON'
from pysqlite3 import dbapi2 as sqlite3

DELETE = "INSERT INTO words (words, rowid, body) VALUES ('delete', 1, ?)"
INSERT = "INSERT INTO words (rowid, body) VALUES (1, ?)"


def opened(columns):
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute("CREATE TABLE page (id INTEGER PRIMARY KEY, body TEXT)")
    connection.execute(f"CREATE VIRTUAL TABLE words USING fts5({columns})")
    connection.execute("INSERT INTO words (words, rank) VALUES ('secure-delete', 1)")
    return connection


def found(connection):
    """Return the numbers of the rows that are found, and what the check of the index says."""
    rows = connection.execute("SELECT rowid FROM words WHERE words MATCH 'salary'").fetchall()
    try:
        connection.execute("INSERT INTO words (words, rank) VALUES ('integrity-check', 1)")
    except sqlite3.DatabaseError as error:
        return [number for (number,) in rows], str(error)
    return [number for (number,) in rows], "sound"


def updated_and_deleted(times):
    """Update a row that has a word so many times, and delete it."""
    connection = opened("body")
    connection.execute(INSERT, ("salary " * times,))
    connection.execute("UPDATE words SET body = ?", ("salary " * times + "more",))
    assert found(connection) == ([1], "sound")
    connection.execute("DELETE FROM words")
    return found(connection)


def with_external_content(between):
    """Do the same by the statements of a trigger, with others between them."""
    connection = opened("body, content='page', content_rowid='id'")
    text = "salary " * 150
    connection.execute("INSERT INTO page VALUES (1, ?)", (text,))
    connection.execute(INSERT, (text,))
    connection.execute("BEGIN")
    for statement in (DELETE, *between, INSERT):
        connection.execute(statement, (text,) if "?" in statement else ())
    connection.execute("COMMIT")
    connection.execute(DELETE, (text,))
    connection.execute("DELETE FROM page")
    return found(connection)


print("SQLite", sqlite3.sqlite_version)
print("updated, then deleted; the word was there 127 times:", updated_and_deleted(127))
print("                                          128 times:", updated_and_deleted(128))
lasting = [times for times in range(1, 400) if updated_and_deleted(times) != ([], "sound")]
print("found afterwards:", len(lasting), "of 399 lengths")
print("external content:", left := with_external_content([]))
print("... with a savepoint between:", none := with_external_content(["SAVEPOINT s", "RELEASE s"]))
assert lasting == [*range(128, 192), *range(256, 320), *range(384, 400)]
assert left == ([1], 'fts5: checksum mismatch for table "words"')
assert none == ([], "sound")
PYTHON
"$folder/venv/bin/python" "$folder/run.py"
