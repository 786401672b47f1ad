"""A migrated PostgreSQL database, and nodes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from pydantic import SecretStr

from ilios.core import clock, data_folder
from ilios.core.settings import Settings
from ilios.db.postgres.database import PostgresDatabase
from tests.postgres_server.process import PostgresServer

MakeNode = Callable[..., Settings]


@pytest.fixture
def cluster_url(postgres_server: PostgresServer, postgres_template: str) -> Iterator[str]:
    """Provide the URL of a database at the newest schema."""
    with postgres_server.database(postgres_template) as name:
        yield postgres_server.url(name)


@pytest.fixture
def shared(cluster_url: str) -> Iterator[PostgresDatabase]:
    """Provide that database, and end what follows its clock."""
    with closing(PostgresDatabase(cluster_url)) as database:
        yield database
    clock.follow(None)


@pytest.fixture
def node(cluster_url: str, tmp_path: Path) -> MakeNode:
    """Provide what makes settings of a node of that database, with a data folder of its own."""

    def make(name: str, **more: object) -> Settings:
        settings = Settings(
            data_dir=tmp_path / name,
            database_url=SecretStr(cluster_url),
            node_name=name,
            **more,  # type: ignore[arg-type]
        )
        data_folder.prepare(settings)
        return settings

    return make
