"""`ilios backup`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ilios.cli.output import say

if TYPE_CHECKING:
    from ilios.core.settings import Settings
    from ilios.operations.backup import Backup


@click.command("backup")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Replace FILE if it is there already.")
def command(file: Path, force: bool) -> None:
    """Write a snapshot of the database to FILE, while the service runs.

    FILE appears when the copy is complete and was checked; only its owner may read it. The other
    parts of a whole backup are named at the end.

    Exit code: 0 when FILE was written; 1 when it was not; 2 when the command line makes no sense.
    """
    from ilios.core import settings
    from ilios.operations import backup

    loaded = settings.load()
    if loaded.database_url is not None:
        raise backup.BackupRefused(
            "DATABASE_URL is set, and this command copies SQLite files: use pg_dump, or what your "
            "PostgreSQL is backed up with."
        )
    made = backup.make(loaded.database_path, file.absolute(), replace=force)
    say(_summary(made))
    say(f"For a whole restore keep with it, copied after it: {', '.join(_parts(loaded))}.")


def _summary(made: Backup) -> str:
    counts = ", ".join(f"{count} {noun}" for noun, count in made.counts.items())
    return f"Wrote {made.path}: {made.size_bytes} bytes, schema {made.revision}, {counts}; checked."


def _parts(settings: Settings) -> list[str]:
    """Return what else a complete backup consists of."""
    from ilios.core import data_folder

    others = [str(data_folder.answers(settings)), str(data_folder.webhook_key(settings))]
    if (key := data_folder.password_key(settings)).exists():
        others.append(str(key))
    if settings.s3_bucket is not None:
        return [f"the bucket {settings.s3_bucket}", *others]
    return [str(data_folder.objects(settings)), str(data_folder.signing_key(settings)), *others]
