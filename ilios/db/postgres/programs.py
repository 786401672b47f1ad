"""pg_dump and pg_restore: which are there, and a run of one.

A program that is older than the server refuses it, or leaves out what it does not know.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

from ilios.core.errors import CommandFailed
from ilios.db.postgres.driver import DEFAULTS, psycopg

DUMP: Final = "pg_dump"
RESTORE: Final = "pg_restore"
_VERSION: Final = re.compile(r"\(PostgreSQL\) (\d+)")


class ProgramMissing(CommandFailed):
    """A program of PostgreSQL is not there, or too old; one line with the remedy."""

    code = "program_missing"


class ProgramFailed(CommandFailed):
    """A program of PostgreSQL has ended with an error; the detail is what it said."""

    code = "program_failed"


def find(name: str, folder: Path | None, server_version: int) -> Path:
    """Return the path of a program that fits a server, in a folder or else on PATH.

    Raises ProgramMissing.
    """
    found = shutil.which(name, path=None if folder is None else str(folder))
    remedy = (
        f"install PostgreSQL's programs of version {server_version} or newer (Debian: "
        f"postgresql-client-{server_version}), or name their folder in POSTGRES_PROGRAMS"
    )
    if found is None:
        where = "on PATH" if folder is None else f"in {folder}"
        raise ProgramMissing(f"There is no {name} {where}: {remedy}.")
    version = _version(found)
    if version < server_version:
        raise ProgramMissing(
            f"{found} is of version {version or 'unknown'}, and the server of {server_version}: "
            f"{remedy}."
        )
    return Path(found)


def run(program: Path, url: str | None, *arguments: str | Path) -> None:
    """Run a program, on a database if one is named. Raises ProgramFailed with what it said."""
    variables = dict(os.environ)
    database: list[str] = []
    if url is not None:
        given = psycopg.conninfo.conninfo_to_dict(url)
        password = given.pop("password", None)
        if password is not None:  # not among the arguments, which all users can read
            variables["PGPASSWORD"] = str(password)
        named = psycopg.conninfo.make_conninfo(**(DEFAULTS | given))
        database = [f"--dbname={named}", "--no-password"]
    done = subprocess.run(  # noqa: S603  # a program that was looked for
        [program, *database, *arguments],
        env=variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        said = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
        raise ProgramFailed(f"{program.name}: {said}")


def server_version(driver: Any) -> int:
    """Return the major version of a connection's server."""
    return int(driver.info.server_version // 10_000)


def _version(program: str) -> int:
    """Return a program's major version; 0 when it does not say."""
    try:
        done = subprocess.run(  # noqa: S603  # likewise
            [program, "--version"], capture_output=True, text=True, check=False
        )
    except OSError:
        return 0
    found = _VERSION.search(done.stdout)
    return int(found[1]) if found else 0
