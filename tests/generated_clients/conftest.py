"""A service with a key, and a client in each language, made of its OpenAPI document."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import SecretStr

from ilios.core import data_folder
from ilios.core.settings import Settings
from tests.generated_clients.clients import CLIENTS, Client, Done, outcome_of
from tests.support.api_server import free_port
from tests.support.externals import unavailable
from tests.support.forking import REPOSITORY
from tests.support.start_script import StartScript

KEY = "key-of-a-generated-client"
DOCUMENT = REPOSITORY / "samples" / "invoice.pdf"


@dataclass(frozen=True, slots=True)
class Generated:
    """A client, and what its generator has said."""

    client: Client
    done: Done


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Provide the URL of a service."""
    folder = tmp_path_factory.mktemp("service")
    settings = Settings(data_dir=folder / "data").model_copy(
        update={
            "api_key": SecretStr(KEY),
            "port": free_port(),
            "web_concurrency": 1,
            "worker_count": 1,
        }
    )
    data_folder.prepare(settings)
    with closing(StartScript(settings, folder / "service.log")) as script:
        script.wait_until_ready()
        yield f"http://127.0.0.1:{settings.port}"


@pytest.fixture(scope="session", params=list(CLIENTS))
def generated(
    request: pytest.FixtureRequest, service: str, tmp_path_factory: pytest.TempPathFactory
) -> Generated:
    client = CLIENTS[request.param](tmp_path_factory.mktemp(request.param))
    if reason := client.missing():
        unavailable(reason)
    return Generated(client, client.generate(f"{service}/openapi.json"))


@pytest.fixture(scope="session")
def checked(generated: Generated) -> Done:
    """Provide what the check of types has said; it compiles what is compiled."""
    return generated.client.check_types()


@pytest.fixture(scope="session")
def outcome(generated: Generated, checked: Done, service: str) -> dict[str, Any]:
    """Provide what the client has found on its errand."""
    return outcome_of(generated.client.run(service, KEY, DOCUMENT))
