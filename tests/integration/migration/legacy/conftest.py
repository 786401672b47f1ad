"""A database of the predecessor, and the application that has adopted it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from pydantic import SecretStr

from ilios.core.settings import Settings
from tests.support import predecessor
from tests.support.api_callers import Caller
from tests.support.api_fixtures import make_app  # noqa: F401  # fixtures are found by name
from tests.support.migrating import upgrade
from tests.support.predecessor import ANNA, BERT, Predecessor


@pytest.fixture
def old_settings(tmp_path: Path) -> Settings:
    """Return the settings of a deployment whose database is still the predecessor's."""
    return Settings(data_dir=tmp_path / "data", api_key=SecretStr(f"{ANNA}, {BERT}"))


@pytest.fixture
def old(old_settings: Settings) -> Predecessor:
    """Create the predecessor's database with one document of Anna's, for a test to add to."""
    old = Predecessor(old_settings.database_path)
    old.document("first", "completed", content="# First")
    return old


@pytest.fixture(scope="session")
def full_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Create the predecessor's database with everything that real ones hold, to be copied."""
    full = Predecessor(tmp_path_factory.mktemp("full") / "ilios.db")
    predecessor.fill(full)
    return full.path


@pytest.fixture(scope="session")
def adopted_file(tmp_path_factory: pytest.TempPathFactory, full_file: Path) -> Path:
    """Adopt that database, to be copied."""
    folder = tmp_path_factory.mktemp("adopted")
    shutil.copy(full_file, folder)
    upgrade(Settings(data_dir=folder))
    return folder / full_file.name


@pytest.fixture
def full(old_settings: Settings, full_file: Path) -> Predecessor:
    """Copy the predecessor's database with everything that real ones hold, to be changed."""
    old_settings.data_folder.mkdir()
    shutil.copy(full_file, old_settings.data_folder)
    return Predecessor(old_settings.database_path)


@pytest.fixture
def call_as(
    old_settings: Settings,
    make_app: Callable[[Settings], Flask],  # noqa: F811
) -> Callable[..., Caller]:
    """Return a caller, by default Anna, on the database as it is at the first call."""
    apps: list[Flask] = []

    def call_as(key: str = ANNA) -> Caller:
        if not apps:
            apps.append(make_app(old_settings))
        return Caller(apps[0].test_client(), key)

    return call_as


@pytest.fixture
def adopted(
    old_settings: Settings, adopted_file: Path, call_as: Callable[..., Caller]
) -> Callable[..., Caller]:
    """Return callers of a service that has adopted the full database."""
    old_settings.data_folder.mkdir()
    shutil.copy(adopted_file, old_settings.data_folder)
    return call_as
