"""Nodes of two versions on one database and one bucket, while they are replaced one by one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from ilios.core import failpoints
from tests.pooler.builds import THIS, Build, following
from tests.pooler.nodes import READY_TIMEOUT_S, STEP_TIMEOUT_S, WEB, WORKERS, Node, Nodes, cluster
from tests.postgres_server.process import PostgresServer
from tests.support.breaking import Customer
from tests.support.buckets import bucket_server
from tests.support.storing import certificate, trusting  # noqa: F401  # fixtures
from tests.support.tls import Certificate
from tests.support.waiting import wait_until

SOME = 4  #: documents of a step


@pytest.fixture(scope="module")
def after(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """Provide the release after this one."""
    return following(THIS, tmp_path_factory.mktemp("builds") / "next", "97.0.0")


@pytest.fixture(scope="module")
def last(after: Build) -> Build:
    """Provide the release after that, which does not work with nodes of this one."""
    return following(after, after.folder.parent / "last", "98.0.0")


@pytest.fixture
def customer(
    server: PostgresServer,
    name: str,
    certificate: Certificate,  # noqa: F811
    trusting: None,  # noqa: F811
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Customer]:
    folder = tmp_path_factory.mktemp("up")  # short: sockets lie in the data folders
    with (
        bucket_server(certificate) as s3,
        cluster(folder, server.url(name), s3) as customer,
    ):
        yield customer


def nodes_of(customer: Customer) -> Nodes:
    assert isinstance(customer.service, Nodes)
    return customer.service


def wait_until_completed(customer: Customer) -> None:
    service = customer.service
    wait_until(lambda: all(map(service.is_completed, customer.acknowledged)), STEP_TIMEOUT_S)


def test_nodes_of_two_versions_work_at_once_and_are_replaced_one_by_one(
    customer: Customer, after: Build, last: Build
) -> None:
    nodes = nodes_of(customer)
    web, workers = nodes.add(WEB, THIS), nodes.add(WORKERS, THIS)
    nodes.wait_until_ready(READY_TIMEOUT_S)
    send(customer)
    too_new = refusal(after, nodes, WORKERS)
    assert f"has schema {THIS.revision}, this version needs {after.revision}: run `il" in too_new

    migrated = after.run(nodes.shared, "migrate")  # beside nodes at work
    assert migrated.returncode == 0, migrated.stdout
    new_web, new_workers = nodes.add(WEB, after), nodes.add(WORKERS, after)
    nodes.wait_until_ready(READY_TIMEOUT_S)
    old, new = THIS.version, after.version
    assert [one["version"] for one in nodes.nodes().values()] == [old, new, old, new]
    convert_without(customer, workers, by=THIS)
    with drained(nodes, new_workers, by=after):
        send(customer)
        wait_until_completed(customer)
        assert web.stop() == 0  # and started again, on the schema of the next version
        web.start(THIS)
        too_far = refusal(last, nodes, "migrate")
        assert f"runs Ilios {THIS.version}, which cannot go on with the schema" in too_far
        nodes.wait_until_ready(READY_TIMEOUT_S, but=new_workers)
        take_over_what_was_paid(customer, workers, by=after)

    send(customer)
    assert web.stop() == 0
    wait_until_completed(customer)
    wait_until(lambda: versions(nodes) == {after.version}, STEP_TIMEOUT_S)

    migrated = last.run(nodes.shared, "migrate")
    assert migrated.returncode == 0, migrated.stdout
    for command in ("migrate", WEB, WORKERS):
        too_old = refusal(THIS, nodes, command)
        assert f"has schema {last.revision}, which is newer than this version" in too_old
    assert last.revision in THIS.run(nodes.shared, "doctor").stdout
    send(customer)
    wait_until_completed(customer)
    assert new_web.is_up
    assert customer.violations(STEP_TIMEOUT_S) == []
    examined = after.run(new_web.settings, "doctor")
    assert examined.returncode == 0, examined.stdout


def send(customer: Customer) -> None:
    for _ in range(SOME):
        customer.send(customer.parcel(), STEP_TIMEOUT_S)


def versions(nodes: Nodes) -> set[str]:
    return {one["version"] for one in nodes.nodes().values()}


def refusal(build: Build, nodes: Nodes, command: str) -> str:
    """Return the one line with which a build refuses to do something."""
    done = build.run(nodes.shared, command)
    assert done.returncode, done.stdout
    (line,) = done.stdout.splitlines()
    return line


@contextmanager
def drained(nodes: Nodes, one: Node, by: Build) -> Iterator[None]:
    """Take a node out of work by a build's command, for the block."""
    done = by.run(nodes.shared, "nodes", "drain", one.name)
    assert done.returncode == 0, done.stdout
    nodes.wait_for_state(one, "drained")
    yield
    done = by.run(nodes.shared, "nodes", "resume", one.name)
    assert done.returncode == 0, done.stdout
    nodes.wait_for_state(one, "ok")


def convert_without(customer: Customer, idle: Node, by: Build) -> None:
    """Have documents converted by the other nodes, which take in what any web node has."""
    with drained(nodes_of(customer), idle, by):
        send(customer)
        wait_until_completed(customer)


def take_over_what_was_paid(customer: Customer, workers: Node, by: Build) -> None:
    """Kill a node between a paid answer and its end; its folder is the next version's then."""
    workers.arm(failpoints.ANSWER_SAVED)
    send(customer)
    wait_until(lambda: workers.is_holding(failpoints.ANSWER_SAVED), STEP_TIMEOUT_S)
    workers.kill()
    workers.disarm()
    workers.start(by)
    wait_until_completed(customer)
