"""The application, for every test of this folder."""

from collections.abc import Callable, Iterator

import pytest
from flask import Flask

from ilios.settings import Settings
from tests.support.api_callers import Caller
from tests.support.api_fixtures import (  # noqa: F401  # fixtures are found by name
    KEY,
    anna,
    api_settings,
    app,
    bert,
    make_app,
    nobody,
    nothing_is_kept,
    temporary_files,
    worker,
)
from tests.support.api_server import Connection, Server, free_port


@pytest.fixture
def make_public(make_app: Callable[[Settings], Flask], api_settings: Settings) -> Caller:  # noqa: F811
    """A caller of a service that has a public URL."""
    public = api_settings.model_copy(update={"public_url": "https://ocr.example.com"})
    return Caller(make_app(public).test_client(), KEY)


@pytest.fixture
def server_settings(api_settings: Settings) -> Settings:  # noqa: F811
    return api_settings.model_copy(update={"port": free_port(), "web_concurrency": 1})


@pytest.fixture
def server(server_settings: Settings) -> Iterator[Server]:
    """A real gunicorn."""
    server = Server(server_settings)
    yield server
    server.close()


@pytest.fixture
def connection(server: Server) -> Iterator[Connection]:
    with server.connect() as connection:
        yield connection
