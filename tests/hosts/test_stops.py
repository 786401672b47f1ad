"""Hosts that are killed, or paused past their leases and brought back."""

from __future__ import annotations

import pytest

from ilios.core import failpoints
from tests.hosts.cluster import Cluster
from tests.hosts.steps import STEP_TIMEOUT_S, hold, send_some, wait_until_completed
from tests.support import deployment
from tests.support.breaking import Customer
from tests.support.waiting import wait_until


@pytest.mark.parametrize("point", [failpoints.ANSWER_SAVED, failpoints.IMAGES_STORED])
def test_a_result_of_a_host_that_was_paused_past_its_lease_is_refused(
    customer: Customer, hosts: Cluster, point: str
) -> None:
    billed = customer.place.provider.stats().billed_pages
    sent: list[str] = []
    paused = hold(hosts, point, lambda: sent.extend(send_some(customer, 1)))
    refusals = paused.log.count("job.lease_lost")

    paused.host.pause()
    paused.disarm()
    wait_until_completed(hosts, sent)
    paused.host.resume()

    wait_until(lambda: paused.log.count("job.lease_lost") > refusals, STEP_TIMEOUT_S)
    assert customer.place.provider.stats().billed_pages == billed + 2


def test_a_host_that_is_paused_in_a_call_comes_back_to_jobs_of_others(
    customer: Customer, hosts: Cluster
) -> None:
    sent: list[str] = []
    paused = hold(hosts, failpoints.CALL_SENT, lambda: sent.extend(send_some(customer, 1)))

    paused.host.pause()
    paused.disarm()
    wait_until_completed(hosts, [*sent, *send_some(customer)])
    paused.host.resume()

    hosts.wait_until_ready(STEP_TIMEOUT_S)


@pytest.mark.parametrize(
    "point", [failpoints.JOB_ACCEPTED, failpoints.CALL_SENT, failpoints.ANSWER_SAVED]
)
def test_the_jobs_of_a_host_that_is_killed_go_on_elsewhere(
    customer: Customer, hosts: Cluster, point: str
) -> None:
    sent: list[str] = []
    lost = hold(hosts, point, lambda: sent.extend(send_some(customer, 1)))

    lost.kill(stays_down=True)
    lost.disarm()

    wait_until_completed(hosts, sent)


def test_everything_is_killed_at_one_moment(customer: Customer, hosts: Cluster) -> None:
    sent = send_some(customer)

    deployment.kill(*hosts.everything)

    wait_until_completed(hosts, sent)
