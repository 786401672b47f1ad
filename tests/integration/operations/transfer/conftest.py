"""A service with documents, and what it is moved to: a database without tables, and a bucket."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from ilios.accounts.key_admin import KeyAdmin
from ilios.accounts.keys import Terms
from ilios.core import clock, ids
from ilios.core.settings import Settings
from ilios.db.opening import open_database
from ilios.operations.transfer import ends, move, tables
from ilios.operations.transfer.ends import Ends
from tests.postgres_server.process import PostgresServer
from tests.support.buckets import ACCESS_KEY_ID, bucket_server, make_bucket
from tests.support.small_service import IMAGE, SmallService, small_service
from tests.support.storing import certificate, trusting  # noqa: F401  # found by name
from tests.support.tls import Certificate

SECRET = "a-secret-that-must-not-be-shown"
LONG = "A word or two. " * 40_000  #: more than one piece of a page


@pytest.fixture
def url(postgres_server: PostgresServer) -> Iterator[str]:
    """Provide the URL of a database without tables."""
    with postgres_server.database() as name:
        yield postgres_server.url(name)
    clock.follow(None)


@pytest.fixture(scope="session")
def s3_endpoint(certificate: Certificate) -> Iterator[str]:  # noqa: F811
    with bucket_server(certificate) as endpoint:
        yield endpoint


@pytest.fixture
def bucket(
    s3_endpoint: str,
    trusting: None,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> str:
    """Provide a bucket, whose access keys are in the environment."""
    name = f"test-{ids.new_id()}"
    make_bucket(s3_endpoint, name, SECRET)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", s3_endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("S3_ADDRESSING_STYLE", "path")
    return name


@pytest.fixture
def service(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallService]:
    """Provide a service with documents that are completed, deleted, and waiting, and with a key."""
    monkeypatch.setenv("DATA_DIR", str(settings.data_folder))
    with small_service(settings) as service:
        KeyAdmin(service.database).create(Terms("team"))
        for text in ("One about horses", f"Two {IMAGE}", LONG, "To be deleted"):
            last = service.submit(text)
        service.convert()
        service.delete(last)
        service.submit("Waiting")
        yield service


def of_service(to: str, objects: str | None = None) -> Ends:
    """Return the ends of a move from what the environment names."""
    return ends.read(to, objects)


def run(found: Ends, **how: Any) -> move.Moved:
    return move.move(found, **{"report": lambda _line: None, **how})


def rows_of(settings: Settings) -> dict[str, list[tuple[Any, ...]]]:
    """Return all that is moved of a database, by its tables."""
    with closing(open_database(settings)) as database, database.reading() as session:
        return {table.name: list(table.each(session)) for table in tables.moved()}
