"""The application, for every test of this folder."""

from collections.abc import Callable

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


@pytest.fixture
def make_public(make_app: Callable[[Settings], Flask], api_settings: Settings) -> Caller:  # noqa: F811
    """A caller of a service that has a public URL."""
    public = api_settings.model_copy(update={"public_url": "https://ocr.example.com"})
    return Caller(make_app(public).test_client(), KEY)
