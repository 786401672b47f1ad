"""Fixtures of the HTTP tests: the application on a data folder of its own, callers and a worker.

A conftest takes them by importing them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask_smorest import Blueprint
from pydantic import SecretStr
from sqlalchemy import func, select
from werkzeug.routing import Rule

from ilios.api import openapi
from ilios.api.app import build
from ilios.api.openapi import IliosApi
from ilios.api.services import EXTENSION, Services
from ilios.core import data_folder
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.db.models import Batch, Document, Job
from tests.support.api_callers import Caller
from tests.support.api_working import InTestWorker

KEY, OTHER_KEY = "key-of-anna", "key-of-bert"
WEBHOOK_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="
MAX_FILE_BYTES = 256 * 1024
MAX_REQUEST_BYTES = 1024 * 1024
Describe = Callable[[Flask, IliosApi], dict[str, Any]]


@pytest.fixture
def api_settings(settings: Settings) -> Settings:
    return with_keys(settings)


def with_keys(settings: Settings) -> Settings:
    """Return settings for two tenants, with limits that tests reach."""
    return settings.model_copy(
        update={
            "api_key": SecretStr(f"{KEY},{OTHER_KEY}"),
            "max_file_size_bytes": MAX_FILE_BYTES,
            "max_request_bytes": MAX_REQUEST_BYTES,
            "convert_wait_seconds": 60,
            "web_threads": 8,
            "webhook_secret": SecretStr(WEBHOOK_SECRET),
        }
    )


_described: dict[str, dict[str, Any]] = {}
"""The OpenAPI document of the first application: those with the same dialects have the same."""


def _described_once(
    dialects: str, app: Flask, api: IliosApi, describe: Describe = openapi.document
) -> Any:
    if dialects not in _described:
        _described[dialects] = describe(app, api)
    return _described[dialects]


_builders: dict[tuple[str, str | None, str, bool], Callable[..., Any]] = {}
"""What makes URLs of a rule, of the first application: it knows nothing of its own."""


def _builder_made_once(
    rule: Rule,
    append_unknown: bool = True,
    make: Callable[[Rule, bool], Callable[..., Any]] = Rule._compile_builder,
) -> Callable[..., Any]:
    kind = (rule.rule, rule.subdomain, repr(rule.defaults), append_unknown)
    if kind not in _builders:
        _builders[kind] = make(rule, append_unknown)
    return _builders[kind]


@contextmanager
def serving(settings: Settings) -> Iterator[Flask]:
    """Provide the application, whose services end with the `with`.

    It is described, and its rules are compiled, once in a process: that is most of what it costs to
    build it.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rule, "_compile_builder", _builder_made_once)
        patch.setattr(openapi, "document", partial(_described_once, settings.dialects))
        if settings.dialects in _described:
            patch.setattr(Blueprint, "register_views_in_doc", lambda *_, **__: None)
            patch.setattr(IliosApi, "_register_responses", lambda *_: None)
        app = build(settings)
    services: Services = app.extensions[EXTENSION]
    with closing(services):
        yield app


@pytest.fixture
def make_app() -> Iterator[Callable[[Settings], Flask]]:
    """Make applications with settings of the test's own."""
    with ExitStack() as made:
        yield lambda settings: made.enter_context(serving(settings))


@pytest.fixture
def app(make_app: Callable[[Settings], Flask], api_settings: Settings) -> Flask:
    return make_app(api_settings)


@pytest.fixture
def anna(app: Flask) -> Caller:
    """Provide the owner of what a test submits."""
    return Caller(app.test_client(), KEY)


@pytest.fixture
def bert(app: Flask) -> Caller:
    """Provide somebody else, with a key of his own."""
    return Caller(app.test_client(), OTHER_KEY)


@pytest.fixture
def nobody(app: Flask) -> Caller:
    """Provide somebody without a key."""
    return Caller(app.test_client(), None)


@pytest.fixture
def worker(api_settings: Settings, database: Database) -> InTestWorker:
    return InTestWorker(api_settings, database)


@pytest.fixture
def nothing_is_kept(api_settings: Settings, database: Database) -> Callable[[], None]:
    """Assert that no row, no object and no temporary file is there."""

    def check() -> None:
        with database.reading() as session:
            for table in (Document, Batch, Job):
                assert session.scalar(select(func.count()).select_from(table)) == 0
        folders = (api_settings.data_folder / "objects", data_folder.uploads(api_settings))
        assert [path for folder in folders for path in folder.rglob("*") if path.is_file()] == []

    return check


@pytest.fixture
def temporary_files(api_settings: Settings) -> Callable[[], list[Path]]:
    return lambda: list(data_folder.uploads(api_settings).iterdir())
