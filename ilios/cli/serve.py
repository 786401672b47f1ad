"""`ilios serve`, and its two halves alone: `ilios web` and `ilios workers`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NoReturn

import click

import ilios
from ilios.cli.option_types import Folder

OWN_DATA_DIR: Final = Path("data")  #: of a service that nobody has set up
DEFAULT_DATA_DIR: Final = Path("/data")  #: of the settings, for the halves of one that somebody has
# Not `-m`: a parser would import the file that was named, and needs none of it.
SERVICE: Final = ("-c", "from ilios.launch import main; main()")
WORKERS: Final = ("-c", "from ilios.workers.supervisor import main; main()")
MIGRATION: Final = ("-c", "from ilios.db.migrations import upgrade; upgrade()")
WEB: Final = (
    "-m", "gunicorn", "-c", "python:ilios.api.server.gunicorn_conf", "ilios.api.app:create_app()",
)  # fmt: skip

data_dir = click.option("--data-dir", metavar="DIR", type=Folder(), help="Instead of DATA_DIR.")
port = click.option("--port", type=click.IntRange(1, 65535), help="Instead of PORT.")


@click.command("serve")
@data_dir
@port
def serve(data_dir: Path | None, port: int | None) -> None:
    """Run the whole service in the foreground, as start.sh does.

    It prepares the data folder, migrates the database, and runs what `ilios web` and `ilios
    workers` are. Settings come from the environment; without DATA_DIR the data lies in ./data.
    """
    _become(SERVICE, data_dir, port, default=OWN_DATA_DIR)


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


def migrate_here(data_dir: Path | None) -> NoReturn:
    """Prepare the data folder and migrate the database, as a start does."""
    _become(MIGRATION, data_dir)


def _become(
    arguments: Sequence[str],
    data_dir: Path | None,
    port: int | None = None,
    default: Path = DEFAULT_DATA_DIR,
) -> NoReturn:
    """Go on as a Python that has loaded nothing yet, with the environment of start.sh."""
    variables = dict(os.environ)
    if port is not None:
        variables["PORT"] = str(port)
    variables = _environment(variables, data_dir, default)
    os.execve(sys.executable, [sys.executable, *arguments], variables)  # noqa: S606  # ourselves


def _environment(variables: dict[str, str], data_dir: Path | None, default: Path) -> dict[str, str]:
    """Return the environment with what start.sh sets, so that both serve alike."""
    database = Path(variables["LOCAL_DB_PATH"]) if variables.get("LOCAL_DB_PATH") else None
    given = data_dir or variables.get("DATA_DIR") or (database.parent if database else default)
    folder = Path(given).absolute()
    package = Path(ilios.__file__).parents[1]  # a folder named ilios here must not be taken for it
    path = [str(package), *filter(None, [variables.get("PYTHONPATH")])]
    return {
        # Else glibc sets memory aside for each thread, which none of the others can use.
        "MALLOC_ARENA_MAX": "1",
        **variables,
        **({"LOCAL_DB_PATH": str(database.absolute())} if database else {}),
        "DATA_DIR": str(folder),
        "PYTHONPATH": os.pathsep.join(path),
        "PYTHONSAFEPATH": "1",
        "TMPDIR": str(folder / "tmp"),
    }
