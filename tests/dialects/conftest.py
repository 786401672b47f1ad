"""One client at a time, the services, and the documents: for all tests of this tier."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.dialects import samples
from tests.dialects.clients import ClientProcess, missing
from tests.dialects.samples import Sample
from tests.dialects.services import Services
from tests.dialects.table import Client
from tests.support.externals import unavailable


@pytest.fixture(scope="session")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    with closing(Services(tmp_path_factory.mktemp("services"))) as services:
        yield services


@pytest.fixture(scope="session")
def documents(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Sample]:
    return samples.write(tmp_path_factory.mktemp("documents"))


@pytest.fixture(scope="session")
def client(request: pytest.FixtureRequest) -> Client:
    """Return the client of the test: all tests of one client run one after the other."""
    found: Client = request.param
    return found


@pytest.fixture(scope="session")
def process(client: Client, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClientProcess]:
    if reason := missing(client.name):
        unavailable(reason)
    folder = tmp_path_factory.mktemp("client")
    with closing(ClientProcess(client.name, folder)) as process:
        yield process
