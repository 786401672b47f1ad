"""What the tests of this tier do in several steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from tests.hosts.cluster import Cluster, Node
from tests.hosts.hasty_workers import LEASE_S
from tests.support.breaking import Customer
from tests.support.waiting import wait_until

STEP_TIMEOUT_S: Final = 180.0
TAKEN_OVER_TIMEOUT_S: Final = LEASE_S + 120.0


def hold(hosts: Cluster, point: str, send: Callable[[], object]) -> Node:
    """Return the node that is held at a point, with a job of what is sent."""
    for node in hosts.workers:
        node.arm(point)
    send()
    wait_until(lambda: [one for one in hosts.workers if one.is_holding(point)], STEP_TIMEOUT_S)
    (held,) = (node for node in hosts.workers if node.is_holding(point))
    for node in hosts.workers:
        if node is not held:
            node.disarm()
    return held


def others(hosts: Cluster, node: Node) -> list[Node]:
    return [one for one in hosts.workers if one is not node]


def send_some(customer: Customer, count: int = 4) -> list[str]:
    return [customer.send(customer.parcel(2), TAKEN_OVER_TIMEOUT_S) for _ in range(count)]


def wait_until_completed(
    hosts: Cluster, ids: Sequence[str], timeout_s: float = TAKEN_OVER_TIMEOUT_S
) -> None:
    """Ask for each until it is: of two questions, one may go to a web host that is cut off."""
    for one in ids:
        wait_until(partial(hosts.is_completed, one), timeout_s)
