"""The places that commands are run in, and the site, for all tests of this tier."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.documentation.places import Places
from tests.support.forking import REPOSITORY


@pytest.fixture(scope="session")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Places]:
    with closing(Places(tmp_path_factory.mktemp("places"))) as places:
        yield places


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Provide the folder of the site, built as `make docs` builds it: without a warning."""
    folder = tmp_path_factory.mktemp("documentation") / "site"
    done = subprocess.run(
        ["make", "docs", f"SITE={folder}", f"VENV={sys.prefix}"],
        cwd=REPOSITORY,
        env=dict(os.environ),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder
