"""Dumps of a PostgreSQL database: by pg_dump, of one snapshot, which is looked at meanwhile."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

from ilios.core.durable_files import publish
from ilios.core.settings import Settings
from ilios.db.models import REVISION
from ilios.db.opening import open_database
from ilios.db.prepared import Runner
from ilios.operations import standstill
from ilios.operations.backup.database_files import Backup, counts_of, create, require_target
from ilios.operations.backup.errors import BackupRefused

Look = Callable[[Runner], None]
_SNAPSHOT: Final = "SELECT pg_export_snapshot()"
_OPTIONS: Final = ("--format=custom", "--no-owner", "--no-privileges")
_WITHOUT_REVISION: Final = "--exclude-table-data=alembic_version"


def make(
    settings: Settings,
    target: Path,
    *,
    replace: bool = False,
    look: Look | None = None,
) -> Backup:
    """Write a dump of the database to a file, which appears whole or not at all.

    What `look` is given is the same snapshot; then the dump has no revision, so that nothing serves
    what is restored before `ilios restore` says that it is whole. Raises BackupRefused,
    ProgramMissing and ProgramFailed.
    """
    require_target(target, (), replace=replace)
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        create(draft)
        made = _dumped(settings, draft, target, look)
        publish(draft, target)
    except OSError as error:
        raise BackupRefused(
            f"{target} cannot be written ({error.strerror}): name a file in another folder."
        ) from error
    finally:
        draft.unlink(missing_ok=True)
    return made


def _dumped(settings: Settings, draft: Path, target: Path, look: Look | None) -> Backup:
    from ilios.db.postgres import programs, starting  # an extra

    direct = settings.past_pooler
    assert direct.database_url is not None  # noqa: S101
    url = direct.database_url.get_secret_value()
    with closing(open_database(direct)) as database, database.reading() as session:
        standstill.keep(settings, session)
        driver = session.driver
        _require_ours(starting.revision(driver))
        version = programs.server_version(driver)
        dump = programs.find(programs.DUMP, settings.postgres_programs, version)
        restore = programs.find(programs.RESTORE, settings.postgres_programs, version)
        ((snapshot,),) = driver.execute(_SNAPSHOT).fetchall()
        without = () if look is None else (_WITHOUT_REVISION,)
        programs.run(dump, url, *_OPTIONS, *without, f"--snapshot={snapshot}", f"--file={draft}")
        programs.run(restore, None, f"--file={os.devnull}", draft)  # reads all of it
        counts = counts_of(driver)
        if look is not None:
            look(session)
    return Backup(target, draft.stat().st_size, REVISION, counts)


def _require_ours(found: str | None) -> None:
    if found != REVISION:
        raise BackupRefused(
            f"The database of DATABASE_URL has schema {found or 'none'}, and this version backs up "
            f"{REVISION}: run `ilios migrate` first, or the version that made it."
        )
