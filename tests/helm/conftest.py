"""The objects of each set of values, rendered once."""

from __future__ import annotations

from functools import cache

import pytest

from tests.helm.chart import SETS, Object, missing, rendered
from tests.support.externals import unavailable

LONGEST = "release-with-a-name-of-all-fifty-three-letters-it-may"


@pytest.fixture(scope="session", autouse=True)
def _programs() -> None:
    if reason := missing():
        unavailable(reason)


@pytest.fixture(params=list(SETS))
def name(request: pytest.FixtureRequest) -> str:
    """Provide the name of a set of values."""
    value: str = request.param
    return value


@pytest.fixture
def objects(name: str) -> list[Object]:
    """Provide the objects of a set of values; nobody changes them."""
    return _objects(name)


@cache
def _objects(name: str) -> list[Object]:
    return rendered(SETS[name])
