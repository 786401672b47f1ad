"""An operator whose service is in order, until a test changes something."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ilios.core import data_folder
from ilios.core.settings import Settings
from ilios.storage.opening import open_store
from tests.mistral_server.process import MistralServer
from tests.support.api_server import free_port
from tests.support.commands import Operator


@pytest.fixture
def operator(settings: Settings) -> Operator:
    alone = {"port": free_port(), "web_concurrency": 1, "worker_count": 1}
    settings = settings.model_copy(update=alone)
    data_folder.prepare(settings)  # makes what a first start makes
    open_store(settings)
    return Operator(settings)


@pytest.fixture
def provider(mistral_server: MistralServer) -> MistralServer:
    return mistral_server


@pytest.fixture
def empty_volume() -> Iterator[Path]:
    """Return a folder with a short path, for the sockets in it."""
    with tempfile.TemporaryDirectory(prefix="ilios-") as name:
        yield Path(name)
