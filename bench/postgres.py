"""PostgreSQL for a measurement: a server of its own, whose commits are durable."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from bench.service import REPOSITORY, migrate
from ilios.core import data_folder
from ilios.core.settings import Settings
from ilios.db.postgres.database import PostgresDatabase
from tests.postgres_server.process import PostgresServer, programs

SETTINGS: Final = {
    "listen_addresses": "",  # the socket only
    "max_connections": "100",
    "shared_buffers": "256MB",
    "log_min_error_statement": "panic",
}


@dataclass(frozen=True)
class Migrated:
    """A database with our tables, and a data folder for what uses it."""

    url: str
    settings: Settings
    environment: dict[str, str]  #: for processes that use it

    @contextmanager
    def opened(self) -> Iterator[PostgresDatabase]:
        with closing(PostgresDatabase(self.url)) as database:
            yield database


@contextmanager
def server() -> Iterator[PostgresServer]:
    """Run a server during the block, from the wheel that the tests use."""
    with closing(PostgresServer(programs(), SETTINGS)) as running:
        yield running


@contextmanager
def migrated(
    running: PostgresServer, data: Path | None = None, **settings: str
) -> Iterator[Migrated]:
    """Provide an empty database of ours for the block, and a data folder below `data`."""
    with running.database() as name, TemporaryDirectory(dir=data) as folder:
        url = running.url(name)
        environment = migrate(Path(folder), REPOSITORY, DATABASE_URL=url, **settings)
        given = {name.lower(): value for name, value in settings.items()}
        loaded = Settings.model_validate({"data_dir": folder, "database_url": url} | given)
        data_folder.prepare(loaded)
        yield Migrated(url, loaded, environment)
