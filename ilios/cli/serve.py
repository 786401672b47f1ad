"""`ilios serve`, and its two halves alone: `ilios web` and `ilios workers`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NoReturn

import click

import ilios

DEFAULT_DATA_DIR: Final = "data"  #: below the folder in which the command is run
# Not `-m`: a parser would import the file that was named, and needs none of it.
SERVICE: Final = ("-c", "from ilios.launch import main; main()")
WORKERS: Final = ("-c", "from ilios.workers.supervisor import main; main()")
MIGRATION: Final = ("-c", "from ilios.db.migrations import upgrade; upgrade()")
WEB: Final = (
    "-m", "gunicorn", "-c", "python:ilios.api.server.gunicorn_conf", "ilios.api.app:create_app()",
)  # fmt: skip

data_dir = click.option(
    "--data-dir", metavar="DIR", type=click.Path(path_type=Path, file_okay=False),
    help="Instead of DATA_DIR; without either it is ./data.",
)  # fmt: skip
port = click.option("--port", type=click.IntRange(1, 65535), help="Instead of PORT.")


@click.command("serve")
@data_dir
@port
def serve(data_dir: Path | None, port: int | None) -> None:
    """Run the whole service in the foreground, as start.sh does.

    It prepares the data folder, migrates the database, and runs what `ilios web` and `ilios
    workers` are. Settings come from the environment.
    """
    _become(SERVICE, data_dir, port)


@click.command("web")
@data_dir
@port
def web(data_dir: Path | None, port: int | None) -> None:
    """Run the web half alone: gunicorn, on a database that is migrated."""
    _become(WEB, data_dir, port)


@click.command("workers")
@data_dir
def workers(data_dir: Path | None) -> None:
    """Run the supervisor and its workers alone, on a database that is migrated."""
    _become(WORKERS, data_dir)


@click.command("migrate")
@data_dir
def migrate(data_dir: Path | None) -> None:
    """Prepare the data folder and migrate the database, as a start does."""
    _become(MIGRATION, data_dir)


def _become(
    arguments: Sequence[str], data_dir: Path | None, port: int | None = None
) -> NoReturn:
    """Go on as a Python that has loaded nothing yet, with the environment of start.sh."""
    command = [sys.executable, *arguments]
    os.execve(sys.executable, command, _environment(data_dir, port))  # noqa: S606  # ourselves


def _environment(data_dir: Path | None, port: int | None) -> dict[str, str]:
    """Return the environment with what start.sh sets, so that both serve alike."""
    variables = dict(os.environ)
    database = variables.get("LOCAL_DB_PATH")
    given = data_dir or variables.get("DATA_DIR") or (Path(database).parent if database else None)
    folder = Path(given or DEFAULT_DATA_DIR).absolute()
    if port is not None:
        variables["PORT"] = str(port)
    if database:
        variables["LOCAL_DB_PATH"] = str(Path(database).absolute())
    found = Path(ilios.__file__).parents[1]  # a folder named ilios here must not be taken for it
    path = [str(found), *filter(None, [variables.get("PYTHONPATH")])]
    return {
        # Else glibc sets memory aside for each thread, which none of the others can use.
        "MALLOC_ARENA_MAX": "1",
        **variables,
        "DATA_DIR": str(folder),
        "PYTHONPATH": os.pathsep.join(path),
        "PYTHONSAFEPATH": "1",
        "TMPDIR": str(folder / "tmp"),
    }
