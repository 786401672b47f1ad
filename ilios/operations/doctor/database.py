"""The database: its schema, its integrity, and whether it can be written. Only reads."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from alembic.script import ScriptDirectory
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from ilios.core.errors import DatabaseRefused
from ilios.core.settings import Settings
from ilios.db import migrations, quick_check, readonly, schema_version
from ilios.db.driver import require_safe_sqlite, sqlite
from ilios.db.models import REVISION
from ilios.db.revision import why_not_served
from ilios.operations.doctor import overcounts, postgres
from ilios.operations.doctor.finding import Finding, Status, error, ok, refused, skipped, warning
from ilios.operations.doctor.schema import missing_parts
from ilios.operations.doctor.write_lock import examine_lock

CHECK = "database"
LIBRARY_CHECK = "SQLite"
INTEGRITY_CHECK = "database integrity"


def examine_library(settings: Settings) -> Iterator[Finding]:
    """Check that the SQLite library has no bug that corrupts data."""
    if settings.database_url is not None:
        yield skipped(LIBRARY_CHECK, "It is not used: the database is PostgreSQL.")
        return
    try:
        require_safe_sqlite()
    except DatabaseRefused as refusal:
        yield refused(LIBRARY_CHECK, refusal)
    else:
        yield ok(LIBRARY_CHECK, f"The library is {sqlite.sqlite_version}.")


def examine(settings: Settings) -> Iterator[Finding]:
    """Check that the database is ours, of this version, not corrupt, and can be written."""
    if settings.server_url is not None:
        yield from postgres.examine(settings, settings.server_url, _known_revisions())
        return
    path = settings.database_path
    if not path.exists():
        yield ok(CHECK, f"{path} is not there yet: the first start makes it.")
        return
    if path.is_file() and not os.access(path, os.R_OK):
        user = os.geteuid()
        yield error(
            CHECK,
            f"{path} cannot be read by user {user}.",
            f"Give it to that user: chown {user} {path}*",
        )
        return
    if readonly.has_sidecar(path, "-journal"):  # a reader would have to roll it back, and write
        yield warning(
            CHECK,
            f"{path} is being written just now, or was when its writer was killed.",
            "Look again in a minute; if it lasts, start the service, which undoes what is half.",
        )
        return
    try:
        found = schema_version.read(path)
    except DatabaseRefused as refusal:
        yield refused(CHECK, refusal)
        return
    if found.is_predecessor:
        yield ok(CHECK, f"{path} is a database of the predecessor: the next start adopts it.")
        return
    yield _schema(path, found.revision)
    lack = _parts(path) if found.revision == REVISION else None
    if lack is not None:
        yield lack
    yield (integrity := _integrity(path))
    if found.revision == REVISION and lack is None and integrity.status is Status.OK:
        yield from _overcounts(path)
    yield from examine_lock(path)


def _schema(path: Path, revision: str | None) -> Finding:
    if revision is None:
        return ok(CHECK, f"{path} is empty: the next start fills it.")
    if revision == REVISION:
        return ok(CHECK, f"{path} has schema {revision}, as this version needs it.")
    if told := why_not_served(revision):
        return refused(CHECK, DatabaseRefused(f"{path} {told}."))
    if revision not in _known_revisions():
        return error(
            CHECK,
            f"{path} has schema {revision}, which is newer than this version of Ilios.",
            "Start the newer version, or restore the backup made before the upgrade.",
        )
    return warning(
        CHECK,
        f"{path} has schema {revision}; the next start makes it {REVISION}.",
        "Keep a backup first (ilios backup FILE): there is no way back without one.",
    )


def _overcounts(path: Path) -> Iterator[Finding]:
    """Warn of pages that the provider has counted beyond those that it was sent."""
    with readonly.connect(path) as connection, Session(connection) as session:
        yield from overcounts.of(session)


def _parts(path: Path) -> Finding | None:
    """Return the finding for a database that lacks a part of its schema."""
    try:
        with readonly.connect(path) as connection:
            missing = list(missing_parts(connection))
    except DatabaseError:  # the check of its integrity says what is wrong
        return None
    if not missing:
        return None
    more = f" and {len(missing) - 1} more parts" if len(missing) > 1 else ""
    return error(
        CHECK,
        f"{path} lacks the {missing[0]}{more} of its schema.",
        "Another program has changed it: stop the service, keep a copy of the file, and restore "
        "the last backup.",
    )


def _known_revisions() -> set[str]:
    scripts = ScriptDirectory(str(migrations.folder()))
    return {script.revision for script in scripts.walk_revisions()}


def _integrity(path: Path) -> Finding:
    try:
        with readonly.connect(path) as connection:
            verdict = quick_check.first_fault(connection.exec_driver_sql)
    except DatabaseError as fault:
        verdict = str(fault.orig)
    if verdict == "ok":
        return ok(INTEGRITY_CHECK, "Every page of it can be read.")
    return error(
        INTEGRITY_CHECK,
        f"{path} is corrupt: {' '.join(verdict.split())}.",
        "Stop the service, keep a copy of the file, and restore the last backup.",
    )
