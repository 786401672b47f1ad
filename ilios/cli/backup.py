"""`ilios backup`, and `ilios restore` of whole backups."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ilios.cli.output import say

if TYPE_CHECKING:
    from ilios.core.settings import Settings
    from ilios.operations.backup.database_files import Backup
    from ilios.operations.backup.manifest import Manifest


@click.command("backup")
@click.argument("target", type=click.Path(path_type=Path), metavar="FILE|FOLDER")
@click.option("--whole", is_flag=True, help="A folder with all that a restore needs.")
@click.option("--objects", is_flag=True, help="With --whole: copy the objects of the bucket too.")
@click.option("--check", is_flag=True, help="Compare a whole backup with its manifest, by hashes.")
@click.option("--force", is_flag=True, help="Replace what is there already.")
@click.pass_context
def command(
    context: click.Context,
    target: Path,
    *,
    whole: bool,
    objects: bool,
    check: bool,
    force: bool,
) -> None:
    """Write a snapshot of the database to FILE, or of everything to FOLDER, while the service runs.

    It appears when the copy is complete and was checked; only its owner may read it. With --whole
    it is a folder with the database, the objects, keys and paid answers, for `ilios restore`; the
    objects of a bucket stay there unless --objects is given.

    Exit code: 0 when it was written, or is in order; 1 when it is not; 2 when the command line
    makes no sense.
    """
    if check and (whole or objects or force):
        raise click.UsageError("--check takes no other options.")
    if objects and not whole:
        raise click.UsageError("--objects needs --whole.")
    loaded = _settings()
    target = target.absolute()
    if check:
        context.exit(_check(loaded, target))
    if whole:
        from ilios.operations.backup import whole as backups

        _tell(target, backups.make(loaded, target, with_bucket=objects, replace=force))
        return
    say(_summary(_of_database(loaded, target, force)))
    say(f"For a whole restore keep with it, copied after it: {', '.join(_parts(loaded))}.")


@click.command("restore")
@click.argument("folder", type=click.Path(path_type=Path))
def restore(folder: Path) -> None:
    """Restore a whole backup from FOLDER into an empty data folder, or an empty database.

    Where both go is in the settings, as for a start. Another run goes on where one was cut off.

    Exit code: 0 when everything was restored; 1 when it was not; 2 when the command line makes no
    sense.
    """
    from ilios.operations.backup import restoring

    loaded = _settings()
    for sentence in restoring.restore(loaded, folder.absolute(), say):
        say(sentence, err=True)
    say("Restored. Start the service, and see what `ilios doctor` says.")


def _settings() -> Settings:
    from ilios.core import settings
    from ilios.core.telemetry import logs

    loaded = settings.load()
    logs.configure(loaded, "operator", sys.stderr)
    return loaded


def _of_database(loaded: Settings, target: Path, force: bool) -> Backup:
    if loaded.database_url is not None:
        from ilios.operations.backup import postgres_file

        return postgres_file.make(loaded, target, replace=force)
    from ilios.operations.backup import sqlite_file

    return sqlite_file.make(loaded.database_path, target, replace=force)


def _check(loaded: Settings, folder: Path) -> int:
    from ilios.operations.backup import checking

    found = checking.check(loaded, folder)
    for fault in found.faults:
        say(fault, err=True)
    made = found.manifest
    say(
        f"{folder}: of {made.created_at}, Ilios {made.version}, schema {made.revision}, "
        f"{_counted(made.counts)}, {found.objects} objects; "
        + ("in order." if not found.faults else f"{len(found.faults)} faults.")
    )
    return 1 if found.faults else 0


def _tell(folder: Path, made: Manifest) -> None:
    for key in made.missing:
        say(f"The service itself lacks the object {key}.", err=True)
    where = "copied" if made.bucket is None else f"left in the bucket {made.bucket}"
    say(
        f"Wrote {folder}: schema {made.revision}, {_counted(made.counts)}, {made.objects} objects "
        f"{where}; {len(made.ended)} documents were deleted meanwhile, and are in its restore."
    )


def _summary(made: Backup) -> str:
    counts = _counted(made.counts)
    return f"Wrote {made.path}: {made.size_bytes} bytes, schema {made.revision}, {counts}; checked."


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {noun}" for noun, count in counts.items())


def _parts(settings: Settings) -> list[str]:
    """Return what else a complete backup consists of."""
    from ilios.core import data_folder

    others = [str(data_folder.answers(settings)), str(data_folder.webhook_key(settings))]
    if (key := data_folder.password_key(settings)).exists():
        others.append(str(key))
    if settings.s3_bucket is not None:
        return [f"the bucket {settings.s3_bucket}", *others]
    return [str(data_folder.objects(settings)), str(data_folder.signing_key(settings)), *others]
