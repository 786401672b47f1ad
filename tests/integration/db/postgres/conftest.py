"""Databases of a real PostgreSQL: an empty one, and one at the newest schema."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
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


@pytest.fixture
def database(postgres_server: PostgresServer, postgres_template: str) -> Iterator[PostgresDatabase]:
    """Provide a database at the newest schema."""
    with (
        postgres_server.database(postgres_template) as name,
        closing(PostgresDatabase(postgres_server.url(name))) as database,
    ):
        yield database
    clock.follow(None)


@pytest.fixture
def thread() -> Iterator[ThreadPoolExecutor]:
    """Provide a thread for what waits for the transaction of a test."""
    with ThreadPoolExecutor(1) as thread:
        yield thread
