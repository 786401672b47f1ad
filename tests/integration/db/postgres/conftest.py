"""An empty database of a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from ilios.core import clock
from ilios.db.postgres.database import PostgresDatabase
from tests.postgres_server.process import PostgresServer


@pytest.fixture
def url(postgres_server: PostgresServer) -> Iterator[str]:
    """Provide the URL of a database without tables."""
    with postgres_server.database() as name:
        yield postgres_server.url(name)


@pytest.fixture
def empty(url: str) -> Iterator[PostgresDatabase]:
    """Provide that database, and end what follows its clock."""
    with closing(PostgresDatabase(url)) as database:
        yield database
    clock.follow(None)
