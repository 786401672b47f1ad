"""The image is built once; what a test starts or makes is removed after it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from ilios.core import ids
from tests.image import building
from tests.image.containers import Container, podman

Run = Callable[..., Container]


@pytest.fixture(scope="session")
def base() -> str:
    """Return the name of the image that ours stands on."""
    return building.find_base()


@pytest.fixture(scope="session", autouse=True)
def _image(base: str) -> None:
    building.build(base)


@pytest.fixture
def run() -> Iterator[Run]:
    """Start a container of the image and wait until it serves."""
    started: list[Container] = []

    def start(*flags: str, port: int | None = None) -> Container:
        container = Container(*flags, port=port)
        started.append(container)
        container.wait_until_ready()
        return container

    yield start
    for container in started:
        container.remove()


@pytest.fixture(scope="module")
def container() -> Iterator[Container]:
    """Provide a container that no test changes."""
    container = Container()
    container.wait_until_ready()
    yield container
    container.remove()


@pytest.fixture
def volume() -> Iterator[str]:
    """Return the name of a new volume."""
    name = podman("volume", "create", f"ilios-test-{ids.new_id()}")
    yield name
    podman("volume", "rm", "--force", name)
