"""`ilios migrate`: of the database's schema, or of a whole service to another database."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ilios.cli import serve
from ilios.cli.output import say

if TYPE_CHECKING:
    from ilios.operations.transfer.ends import Ends
    from ilios.operations.transfer.move import Moved


@click.command("migrate")
@serve.data_dir
@click.option("--to", metavar="URL", help="Move the service to this database: see below.")
@click.option(
    "--objects",
    metavar="WHERE",
    help="With --to: move the objects too, to s3://BUCKET or the `folder` in DATA_DIR.",
)
def command(data_dir: Path | None, to: str | None, objects: str | None) -> None:
    """Prepare the data folder and migrate the database, as a start does.

    With --to postgresql://… the service moves from its SQLite file to PostgreSQL, and with --to
    sqlite:///… back. It is copied while it runs; once it is stopped, the rest follows, all of it is
    compared, and the source is marked as moved, so that no start serves it any more. A run that is
    cut off is followed by another, which goes on.

    Exit code: 0 when the service has moved; 1 when it has not; 2 when the command line makes no
    sense.
    """
    if to is None:
        if objects is not None:
            raise click.UsageError("--objects needs --to.")
        serve.migrate_here(data_dir)
    from ilios.core.telemetry import logs
    from ilios.operations.transfer import ends, move

    found = ends.read(to, objects, data_dir)
    logs.configure(found.source, "operator", sys.stderr)
    _tell(found, move.move(found, say))


def _tell(ends: Ends, moved: Moved) -> None:
    for fault in moved.faults:
        say(fault, err=True)
    if moved.tables:
        rows = sum(one.rows for one in moved.tables)
        say(f"Moved to {ends.target_name}: {rows} rows, {moved.objects} objects, all compared.")
    else:
        say(f"The service has moved to {ends.target_name} before.")
    say(f"Start it with {', '.join(_changes(ends))}; the rest of the settings stays as it is.")
    say(
        f"The first start is to have this DATA_DIR ({ends.source.data_folder}): keys that sign and "
        "seal, and paid answers that no database has yet, are there."
    )


def _changes(ends: Ends) -> list[str]:
    """Return which settings differ, without secrets."""
    on_postgres = ends.target.database_url is not None
    changes = (
        ["DATABASE_URL (that of --to)", "LOCAL_DB_PATH unset"]
        if on_postgres
        else ["DATABASE_URL unset", f"LOCAL_DB_PATH={ends.target.database_path}"]
    )
    if ends.moves_objects and ends.target.s3_bucket:
        changes.append(f"S3_BUCKET={ends.target.s3_bucket} and its access keys")
    elif ends.moves_objects:
        changes.append("S3_BUCKET and its access keys unset")
    return changes
