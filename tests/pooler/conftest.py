"""A server, a PgBouncer before it, and databases on both ways: for all tests of this tier."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.pooler.pgbouncer import PROGRAM, PgBouncer, program
from tests.postgres_server.process import PostgresServer, programs
from tests.support.externals import unavailable


@pytest.fixture(scope="session")
def server() -> Iterator[PostgresServer]:
    """Provide a server of which a kill undoes nothing that was committed."""
    with closing(PostgresServer(programs(), synchronous_commit="on")) as server:
        yield server


@pytest.fixture(scope="session")
def pgbouncer(server: PostgresServer) -> Iterator[PgBouncer]:
    if program() is None:
        unavailable(f"{PROGRAM} not found: apt-get install {PROGRAM}")
    with closing(PgBouncer(server)) as pgbouncer:
        yield pgbouncer


@pytest.fixture
def name(server: PostgresServer) -> Iterator[str]:
    """Provide the name of an empty database."""
    with server.database() as name:
        yield name
