"""PostgreSQL on two hosts: restarted, failed over, and connections that it ends at any step."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ilios.core import failpoints
from tests.hosts.cluster import Cluster
from tests.hosts.postgres import CLIENT, DATABASE
from tests.hosts.steps import TAKEN_OVER_TIMEOUT_S, hold, send_some, wait_until_completed
from tests.support.breaking import Customer

STEPS = (
    failpoints.JOB_CLAIMED,
    failpoints.ID_SENT,
    failpoints.JOB_ACCEPTED,
    failpoints.CALL_OPENED,
    failpoints.CALL_SENT,
    failpoints.ANSWER_RECEIVED,
    failpoints.ANSWER_SAVED,
    failpoints.ANSWER_READING,
    failpoints.IMAGES_STORED,
    failpoints.RESULT_COMMITTED,
    failpoints.JOB_ENDED,
)
WRITES = (
    ("job_queue", "UPDATE"),
    ("documents", "UPDATE"),
    ("usage", "INSERT"),
    ("usage", "UPDATE"),
    ("paid_answers", "INSERT"),
    ("paid_answers", "DELETE"),
    ("pages", "INSERT"),
)
BREAKING = f"""
CREATE SEQUENCE breaks;
GRANT USAGE ON SEQUENCE breaks TO {CLIENT};
CREATE FUNCTION break_off() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    IF nextval('breaks') <= 2 THEN  -- which no rollback undoes
        PERFORM pg_terminate_backend(pg_backend_pid());
    END IF;
    RETURN NULL;
END $$
"""
TRIGGER = "CREATE TRIGGER break_off AFTER {write} ON {table} EXECUTE FUNCTION break_off()"
MENDING = "DROP FUNCTION break_off CASCADE; DROP SEQUENCE breaks"


@pytest.mark.parametrize("fault", ["restart", "kill", "cut"])
def test_documents_go_on_when_the_database_comes_back_without_a_restart_of_any_node(
    customer: Customer, hosts: Cluster, fault: str
) -> None:
    starts = hosts.starts
    sent = send_some(customer)

    _FAULTS[fault](hosts)

    sent += send_some(customer)
    wait_until_completed(hosts, sent)
    if fault != "restart":
        hosts.pair.repair()
    hosts.wait_until_ready(TAKEN_OVER_TIMEOUT_S)
    assert hosts.starts == starts


@pytest.mark.parametrize("step", STEPS)
def test_a_job_whose_connections_are_ended_at_a_step_is_done_once(
    customer: Customer, hosts: Cluster, step: str
) -> None:
    sent: list[str] = []
    held = hold(hosts, step, lambda: sent.extend(send_some(customer, 1)))

    hosts.pair.end_connections()
    held.disarm()

    wait_until_completed(hosts, sent)


@pytest.mark.parametrize(("table", "write"), WRITES)
def test_a_job_whose_connection_is_ended_in_a_write_is_done_once(
    customer: Customer, hosts: Cluster, table: str, write: str
) -> None:
    with hosts.pair.primary.connect(DATABASE) as admin:
        admin.execute(BREAKING.encode())
        try:
            admin.execute(TRIGGER.format(write=write, table=table).encode())
            wait_until_completed(hosts, send_some(customer, 2))
            broken = admin.execute("SELECT last_value FROM breaks").fetchone()
        finally:
            admin.execute(MENDING.encode())

    assert broken is not None
    assert broken[0] >= 2


_FAULTS: dict[str, Callable[[Cluster], object]] = {
    "restart": lambda hosts: hosts.pair.restart(),
    "kill": lambda hosts: hosts.pair.fail_over(),
    "cut": lambda hosts: hosts.pair.fail_over(is_cut=True),
}
