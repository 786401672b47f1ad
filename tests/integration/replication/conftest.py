"""A volume that replicates to a libsql-server of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ilios.core import data_folder
from ilios.core.settings import Settings
from ilios.core.telemetry import logs
from ilios.db.database import Database
from ilios.db.sqlite_database import SqliteDatabase
from ilios.replication import change_log
from ilios.replication.remote import Remote
from ilios.replication.shipping import Shipper
from ilios.replication.volume import driver_connection
from tests.replication_server.process import LibsqlServer
from tests.support import replicas

LEASE_SECONDS = 60


@pytest.fixture(autouse=True)
def _logs_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep a start from configuring the logs of this process, which is not its own."""
    monkeypatch.setattr(logs, "configure", lambda *_: None)


@contextmanager
def libsql_server(folder: Path) -> Iterator[LibsqlServer]:
    server = LibsqlServer(folder)
    try:
        yield server
    finally:
        server.resume()
        server.kill()


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LibsqlServer]:
    with libsql_server(tmp_path_factory.mktemp("sqld")) as server:
        yield server


def replicating(settings: Settings, server: LibsqlServer) -> Settings:
    """Return the settings that turn replication on."""
    turso = {
        "use_embedded_replica": True,
        "turso_database_url": server.url,
        "turso_auth_token": server.token(),
        "turso_sync_interval": 1,
    }
    return Settings.model_validate(settings.model_dump(exclude_defaults=True) | turso)


@pytest.fixture
def settings(settings: Settings, server: LibsqlServer) -> Settings:
    """Return a migrated volume with its log of changes."""
    database = SqliteDatabase(settings.database_path)
    with database.writing() as session:
        change_log.install(driver_connection(session))
    database.close()
    return replicating(settings, server)


@pytest.fixture
def empty(tmp_path: Path, server: LibsqlServer) -> Settings:
    """Return another volume, without a database."""
    return replicating(Settings(data_dir=tmp_path / "empty", log_format="console"), server)


@pytest.fixture
def clone(settings: Settings, tmp_path: Path) -> Settings:
    """Return a copy of the volume under another node's name."""
    folder = tmp_path / "clone"
    folder.mkdir()
    replicas.snapshot(settings.database_path, folder / settings.database_path.name)
    return settings.model_copy(update={"data_dir": folder})


@pytest.fixture
def make_shipper() -> Iterator[Callable[..., Shipper]]:
    """Return what the replicator's process runs, for this process."""
    opened: list[Database] = []

    def make(settings: Settings, lease: int = LEASE_SECONDS, **options: object) -> Shipper:
        opened.append(SqliteDatabase(settings.database_path))
        node = data_folder.node_id(settings)
        return Shipper(opened[-1], Remote.of(settings), node, lease, **options)  # type: ignore[arg-type]

    yield make
    for database in opened:
        database.close()
