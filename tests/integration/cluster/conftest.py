"""A migrated PostgreSQL database, a bucket, and nodes of both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from pydantic import SecretStr

from ilios.core import clock, data_folder
from ilios.core.settings import Settings
from ilios.db.models import REVISION
from ilios.db.models.cluster import COMPATIBILITY
from ilios.db.postgres.database import PostgresDatabase
from tests.postgres_server.process import PostgresServer
from tests.support.buckets import SECRET, bucket, s3_endpoint  # noqa: F401  # fixtures
from tests.support.storing import certificate, trusting  # noqa: F401  # fixtures

MakeNode = Callable[..., Settings]
Expand = Callable[..., None]
NEXT = str(int(REVISION) + 1).zfill(len(REVISION))  #: the schema of the next version


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


@pytest.fixture
def expand(shared: PostgresDatabase) -> Expand:
    """Do what a migration of the next version may: a column with a default, a table, an index."""

    def expand(least_compatible: int = COMPATIBILITY) -> None:
        with shared.watching() as watch:
            for statement in (
                "ALTER TABLE documents ADD COLUMN colour TEXT NOT NULL DEFAULT 'none'",
                "CREATE TABLE colours (name TEXT PRIMARY KEY)",
                "CREATE INDEX ix_colour ON documents (colour)",
                f"UPDATE alembic_version SET version_num = '{NEXT}'",
                f"UPDATE cluster SET least_compatible = {least_compatible}",
            ):
                watch.driver.execute(statement)

    return expand
