"""One data folder and one application for all tests of a module, which takes them by importing.

For tests that leave nothing behind, or to which nothing matters that others have left.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from ilios.core.settings import Settings
from tests.support.api_fixtures import serving, with_keys
from tests.support.volumes import volume


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory, migrated_file: Path) -> Iterator[Settings]:
    with volume(tmp_path_factory.mktemp("shared"), migrated_file) as settings:
        yield settings


@pytest.fixture(scope="module")
def app(settings: Settings) -> Iterator[Flask]:
    with serving(with_keys(settings)) as app:
        yield app
