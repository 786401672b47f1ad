"""The object store is cut off from all hosts, or from one."""

from __future__ import annotations

import requests

from tests.hosts.cluster import Cluster
from tests.hosts.steps import STEP_TIMEOUT_S, TAKEN_OVER_TIMEOUT_S, send_some, wait_until_completed
from tests.support.breaking import Customer
from tests.support.waiting import wait_until


def test_a_bucket_that_is_cut_off_stops_claims_and_loses_nothing(
    customer: Customer, hosts: Cluster
) -> None:
    sent = send_some(customer)

    hosts.bucket.cut()
    wait_until(
        lambda: all(state == "store_unreachable" for state in _states(hosts).values()),
        TAKEN_OVER_TIMEOUT_S,
    )
    hosts.bucket.mend()

    wait_until_completed(hosts, [*sent, *send_some(customer)])


def test_a_host_that_cannot_reach_the_bucket_leaves_jobs_to_others(
    customer: Customer, hosts: Cluster
) -> None:
    lost = hosts.workers[0]

    lost.host.cut(peer=hosts.bucket)
    wait_until(
        lambda: _states(hosts).get(lost.host.name) == "store_unreachable", TAKEN_OVER_TIMEOUT_S
    )
    wait_until_completed(hosts, send_some(customer), STEP_TIMEOUT_S)
    assert _states(hosts)[hosts.workers[1].host.name] == "ok"
    lost.host.mend()

    wait_until(lambda: _states(hosts)[lost.host.name] == "ok", TAKEN_OVER_TIMEOUT_S)


def _states(hosts: Cluster) -> dict[str, str]:
    """Return what each worker node says."""
    health = requests.get(f"{hosts.url}/health", timeout=hosts.timeout).json()
    return {one["name"]: one["state"] for one in health["nodes"] if one["kind"] == "workers"}
