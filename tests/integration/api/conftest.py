"""The application, for every test of this folder."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from flask import Flask
from pydantic import SecretStr

from ilios.core.settings import Settings
from ilios.documents import estimates, page_images, parser_places
from ilios.engines import registry
from tests.mistral_server.behaviour import API_KEY
from tests.mistral_server.process import MistralServer
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
    with_keys,
    worker,
)
from tests.support.api_server import ENDURING, Connection, Server, free_port
from tests.support.volumes import volume

A_BUSY_MACHINES_SECONDS = 120.0


@pytest.fixture(autouse=True)
def _a_busy_machine_has_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give up nothing that is done in a parser child of a web process, unless the test says so."""
    monkeypatch.setattr(estimates, "COUNT_SECONDS", A_BUSY_MACHINES_SECONDS)
    monkeypatch.setattr(page_images, "DRAW_SECONDS", A_BUSY_MACHINES_SECONDS)
    monkeypatch.setattr(parser_places, "WAIT_SECONDS", A_BUSY_MACHINES_SECONDS)


@pytest.fixture
def make_public(make_app: Callable[[Settings], Flask], api_settings: Settings) -> Caller:  # noqa: F811
    """Make a caller of a service that has a public URL."""
    public = api_settings.model_copy(update={"public_url": "https://ocr.example.com"})
    return Caller(make_app(public).test_client(), KEY)


@pytest.fixture
def server_settings(api_settings: Settings) -> Settings:  # noqa: F811
    return served(api_settings)


def served(settings: Settings) -> Settings:
    """Return settings to be served by one web process."""
    return settings.model_copy(update={"port": free_port(), "web_concurrency": 1})


@pytest.fixture(scope="module")
def shared_settings(
    tmp_path_factory: pytest.TempPathFactory, migrated_file: Path
) -> Iterator[Settings]:
    """Provide settings of a data folder that all tests of a module share."""
    with volume(tmp_path_factory.mktemp("shared"), migrated_file) as settings:
        yield served(with_keys(settings))


@pytest.fixture(scope="module")
def server(shared_settings: Settings) -> Iterator[Server]:
    """Start a real gunicorn that gives nobody up while a test lasts, shared by a module.

    A test that breaks it repairs it.
    """
    with closing(Server(shared_settings, ENDURING)) as server:
        yield server


@pytest.fixture
def connection(server: Server) -> Iterator[Connection]:
    with server.connect() as connection:
        yield connection


@pytest.fixture(params=registry.LANES)
def engine_settings(
    request: pytest.FixtureRequest,
    api_settings: Settings,  # noqa: F811
    mistral_server: MistralServer,
) -> Settings:
    """Provide settings for each engine."""
    return api_settings.model_copy(
        update={
            "ocr_engine": request.param,
            "mistral_api_key": SecretStr(API_KEY),
            "mistral_server_url": mistral_server.url,
        }
    )
