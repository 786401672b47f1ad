"""A service on either database with documents, and an empty place for it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from pydantic import SecretStr

from ilios.core import clock
from ilios.core.settings import Settings
from tests.conftest import POSTGRESQL, SQLITE
from tests.postgres_server.process import PostgresServer, programs
from tests.support.small_service import IMAGE, SmallService, small_service

TEXTS = ("One", "Two", f"Three {IMAGE}")


@pytest.fixture(params=[SQLITE, POSTGRESQL])
def kind(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture
def backed_up(request: pytest.FixtureRequest, kind: str, settings: Settings) -> Iterator[Settings]:
    """Provide the settings of a service: a migrated one, on either database."""
    if kind == SQLITE:
        yield settings
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    template: str = request.getfixturevalue("postgres_template")
    with server.database(template) as name:
        yield on_postgres(settings, server.url(name))
    clock.follow(None)


@pytest.fixture
def empty(request: pytest.FixtureRequest, kind: str) -> Iterator[Settings]:
    """Provide the settings of an empty place of the same kind."""
    with ExitStack() as stack:
        # A short path, for the sockets in it.
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="ilios-"))
        settings = Settings(data_dir=Path(folder), log_format="console")
        if kind == SQLITE:
            yield settings
            return
        server: PostgresServer = request.getfixturevalue("postgres_server")
        yield on_postgres(settings, server.url(stack.enter_context(server.database())))


def on_postgres(settings: Settings, url: str) -> Settings:
    return settings.model_copy(
        update={"database_url": SecretStr(url), "postgres_programs": programs()}
    )


@pytest.fixture
def service(backed_up: Settings) -> Iterator[SmallService]:
    """Provide a service with three documents that are completed."""
    with small_service(backed_up) as service:
        for text in TEXTS:
            service.submit(text)
        service.convert()
        yield service
