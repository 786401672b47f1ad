#!/usr/bin/env bash
# SQLite: with secure_delete, a deletion writes as much as it frees, so that a full disk refuses it.
#
# One would guess: deleting long values costs next to nothing, for their pages only go on the list of free
# pages; `secure_delete=ON` overwrites them with zeros where they are.
#
# What happens: in WAL mode every overwritten page goes through the log first. Deleting 10 MB of values
# makes a log of 10 MB. With `secure_delete=FAST`, which overwrites only where that costs no further
# writing, it is as small as without: then the zeros are missing for whole pages that become free.
#
# Why it matters: on a full disk a DELETE, the one thing that would help, ends with "database or disk is
# full". FAST for the deletions that have to succeed, and a rewrite (VACUUM) later, help.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pysqlite3==0.6.1
cat > "$folder/run.py" <<'PYTHON'
import os
import sys

from pysqlite3 import dbapi2 as sqlite3

VALUES, VALUE_BYTES = 100, 100_000


def log_of_a_deletion(folder, mode):
    """Return the bytes of the write-ahead log that deleting all values makes."""
    path = f"{folder}/{mode}.db"
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA wal_autocheckpoint=0")
    connection.execute(f"PRAGMA secure_delete={mode}")
    connection.execute("CREATE TABLE entry (id INTEGER PRIMARY KEY, body BLOB)")
    values = [(os.urandom(VALUE_BYTES),) for _ in range(VALUES)]
    connection.executemany("INSERT INTO entry (body) VALUES (?)", values)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.execute("DELETE FROM entry")
    return os.path.getsize(f"{path}-wal")


print("SQLite", sqlite3.sqlite_version)
written = {mode: log_of_a_deletion(sys.argv[1], mode) for mode in ("OFF", "FAST", "ON")}
for mode, count in written.items():
    print(f"secure_delete={mode}: {VALUES * VALUE_BYTES:,} bytes deleted, {count:,} bytes of log")
assert written["ON"] >= VALUES * VALUE_BYTES
assert written["FAST"] == written["OFF"] < 100_000
PYTHON
"$folder/venv/bin/python" "$folder/run.py" "$folder"
