"""A service with keys, and each proxy before it: for all tests of this tier."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.proxies.proxy import KINDS, Proxy, path_of
from tests.support.api_fixtures import with_keys
from tests.support.api_server import PATIENT, Server, free_port
from tests.support.externals import unavailable
from tests.support.volumes import volume

FILE_MAX_BYTES = 200_000  #: below what nginx takes by default, which is 1 MiB


@pytest.fixture(scope="session", autouse=True)
def _programs() -> None:
    programs = sorted({kind.program for kind in KINDS.values()})
    if missing := [program for program in programs if path_of(program) is None]:
        unavailable(f"{', '.join(missing)} not found: apt-get install nginx-light haproxy caddy")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, migrated_file: Path) -> Iterator[Server]:
    with volume(tmp_path_factory.mktemp("data"), migrated_file) as settings:
        ours = {
            "port": free_port(),
            "web_concurrency": 2,
            "max_file_size_bytes": FILE_MAX_BYTES,
            "max_request_bytes": 2 * FILE_MAX_BYTES,
        }
        with closing(Server(with_keys(settings).model_copy(update=ours), PATIENT)) as server:
            yield server


@pytest.fixture(params=list(KINDS))
def proxy(request: pytest.FixtureRequest, server: Server, tmp_path: Path) -> Iterator[Proxy]:
    with closing(Proxy(KINDS[request.param], tmp_path, server.settings.port)) as proxy:
        yield proxy
