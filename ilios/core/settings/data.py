"""Settings of the data folder and the database."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, SecretStr

from ilios.core.settings.fields import MIB, SubjectSettings, setting

DEFAULT_DB_PATH: Final = Path("/data/ilios.db")
POOL_LEAST: Final = 4  #: two that listen for as long as the process lives, and two for one request
POOL_MOST: Final = 64  #: as many as threads of a kind
_BARE_PERCENT: Final = re.compile("%(?![0-9A-Fa-f]{2})")
_HOSTS: Final = re.compile("([^/?#]*//(?:[^/?#]*@)?)([^/?#@]*)(.*)", re.DOTALL)
_NO_URL: Final = "is no URL: signs of a password are written as %40 and so on"


def parts_of_database(url: str) -> list[SplitResult]:
    """Return the parts of a URL once for each of its hosts. Raises ValueError where it is none.

    As a whole it cannot be taken apart: some builds of Python refuse `[::1]` among other hosts.
    """
    found = _HOSTS.fullmatch(url)
    if found is None:
        return [urlsplit(url)]
    start, hosts, end = found.groups()
    return [urlsplit(f"{start}{host}{end}") for host in hosts.split(",")]


def _postgres_url(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    try:
        parts, *others = parts_of_database(text)
        _ = [one.port for one in (parts, *others)]
    except ValueError:
        raise ValueError(_NO_URL) from None
    if _BARE_PERCENT.search(text):  # the driver's words for it would have what follows
        raise ValueError(_NO_URL)
    if parts.scheme not in ("postgresql", "postgres"):
        raise ValueError("must be a postgresql URL")
    if not parts.path.removeprefix("/"):
        raise ValueError("must name a database")
    return value


PostgresUrl = Annotated[SecretStr, AfterValidator(_postgres_url)]


class DataSettings(SubjectSettings):
    """Where data lives."""

    local_db_path: Path | None = setting(None, "SQLite database file", "/data/ilios.db")
    database_url: PostgresUrl | None = setting(
        None,
        "PostgreSQL database, in place of a SQLite file",
        "postgresql://ilios:xxx@db.internal:5432/ilios",
    )
    database_direct_url: PostgresUrl | None = setting(
        None,
        "The same database, past the pooler that DATABASE_URL leads to",
        "postgresql://ilios:xxx@db.internal:5432/ilios",
    )
    database_pool_size: int = setting(
        5, "Connections to PostgreSQL of a process", "5", ge=POOL_LEAST, le=POOL_MOST
    )
    postgres_programs: Path | None = setting(
        None,
        "Folder of pg_dump and pg_restore, for backups of a PostgreSQL database; unset: those on "
        "PATH",
        "/usr/lib/postgresql/18/bin",
    )
    data_dir: Path | None = setting(
        None, "Folder for the database, temporary files and local objects: one file system", "/data"
    )
    sqlite_synchronous: Literal["FULL", "NORMAL"] = setting(
        "FULL", "FULL survives a power cut; NORMAL is faster and may lose the last commits", "FULL"
    )
    min_free_disk_bytes: int = setting(
        256 * MIB, "Room kept free in DATA_DIR: below it nothing new is taken on", "268435456", ge=0
    )

    @property
    def data_folder(self) -> Path:
        """The data folder, absolute: DATA_DIR, else the folder of the database."""
        return (self.data_dir or (self.local_db_path or DEFAULT_DB_PATH).parent).absolute()

    @property
    def database_path(self) -> Path:
        """The database file, absolute."""
        if self.local_db_path is not None:
            return self.local_db_path.absolute()
        return self.data_folder / DEFAULT_DB_PATH.name
