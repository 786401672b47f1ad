"""Hosts that are cut off from all others: in both directions, or in one."""

from __future__ import annotations

import pytest
import requests

from ilios.core import failpoints
from tests.hosts.cluster import Cluster
from tests.hosts.steps import (
    STEP_TIMEOUT_S,
    TAKEN_OVER_TIMEOUT_S,
    hold,
    others,
    send_some,
    wait_until_completed,
)
from tests.support.breaking import Customer
from tests.support.waiting import wait_until

WAYS = {"both": (False, False), "deaf": (False, True), "mute": (True, False)}
"""Whether the host still hears, and whether it is still heard."""


@pytest.mark.parametrize("way", WAYS)
def test_an_answer_that_a_host_has_paid_for_is_used_elsewhere_when_it_is_cut_off(
    customer: Customer, hosts: Cluster, way: str
) -> None:
    billed = customer.place.provider.stats().billed_pages
    sent: list[str] = []
    lost = hold(hosts, failpoints.ANSWER_SAVED, lambda: sent.extend(send_some(customer, 1)))

    hears, speaks = WAYS[way]
    lost.host.cut(hears=hears, speaks=speaks)
    lost.disarm()

    wait_until_completed(hosts, sent)
    assert customer.place.provider.stats().billed_pages == billed + 2
    lost.host.mend()
    wait_until(lambda: "database.reachable" in lost.log, STEP_TIMEOUT_S)


@pytest.mark.parametrize("way", ["deaf"])  # whose call is answered, and it hears nothing of it
def test_a_host_that_is_cut_off_in_a_call_delays_its_jobs_and_no_others(
    customer: Customer, hosts: Cluster, way: str
) -> None:
    sent: list[str] = []
    lost = hold(hosts, failpoints.CALL_SENT, lambda: sent.extend(send_some(customer, 1)))

    hears, speaks = WAYS[way]
    lost.host.cut(hears=hears, speaks=speaks)
    lost.disarm()
    meanwhile = send_some(customer)

    wait_until_completed(hosts, [*sent, *meanwhile])


def test_a_host_that_is_cut_off_claims_nothing_and_says_so(
    customer: Customer, hosts: Cluster
) -> None:
    lost = hosts.workers[0]
    failures = lost.log.count("supervisor.database_failed")
    starts = lost.starts

    lost.host.cut()

    wait_until(
        lambda: lost.log.count("supervisor.database_failed") > failures, TAKEN_OVER_TIMEOUT_S
    )
    named = {one.host.name for one in hosts.nodes if one is not lost}
    wait_until(lambda: _live(hosts) == named, STEP_TIMEOUT_S)
    wait_until_completed(hosts, send_some(customer))
    lost.host.mend()
    wait_until(lambda: lost.host.name in _live(hosts), STEP_TIMEOUT_S)
    assert lost.starts == starts


def test_clients_of_a_web_host_that_is_cut_off_find_the_other(
    customer: Customer, hosts: Cluster
) -> None:
    lost, other = hosts.web

    lost.host.cut()

    wait_until_completed(hosts, send_some(customer))
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{lost.url}/livez", timeout=hosts.timeout)
    assert requests.get(f"{other.url}/readyz", timeout=hosts.timeout).ok


def test_what_a_host_claims_before_it_is_cut_off_goes_on_elsewhere(
    customer: Customer, hosts: Cluster
) -> None:
    sent: list[str] = []
    lost = hold(hosts, failpoints.JOB_CLAIMED, lambda: sent.extend(send_some(customer, 1)))

    lost.host.cut()
    lost.disarm()

    wait_until_completed(hosts, sent)
    assert len(others(hosts, lost)) == 2


def _live(hosts: Cluster) -> set[str]:
    """Return the nodes that the second web host names."""
    health = requests.get(f"{hosts.web[1].url}/health", timeout=hosts.timeout).json()
    return {one["name"] for one in health.get("nodes", [])}
