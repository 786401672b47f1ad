"""SQLite and its driver, `sqlite`, which brings a library without the WAL-reset bug (ADR 0030).

Nothing else imports a driver of SQLite: two of its libraries in one process would drop each other's
locks.
"""

from __future__ import annotations

try:
    import pysqlite3 as sqlite
except ModuleNotFoundError:  # no wheel for Linux on arm64; the same code and SQLite come with this
    import sqlcipher3 as sqlite

from ilios.core.errors import DatabaseRefused

__all__ = ["require_safe_sqlite", "sqlite"]


def require_safe_sqlite(version: tuple[int, ...] = sqlite.sqlite_version_info) -> None:
    """Raise DatabaseRefused for a SQLite library with the WAL-reset bug, which corrupts databases.

    Fixed in 3.51.3, and in the backports 3.50.7 and 3.44.6 (https://sqlite.org/wal.html#walresetbug).
    """
    backported = (3, 50, 7) <= version < (3, 51) or (3, 44, 6) <= version < (3, 45)
    if version < (3, 51, 3) and not backported:
        raise DatabaseRefused(
            f"SQLite {'.'.join(map(str, version))} can corrupt a database in WAL mode: "
            f"install {sqlite.__name__} as requirements.lock has it, which brings a newer one."
        )
