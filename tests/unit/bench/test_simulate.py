"""A simulated cluster: the same for the same seed, and no document is lost or converted twice."""

from __future__ import annotations

from argparse import Namespace

from bench.simulate import Cluster, Costs, report

COSTS = Costs(
    enqueue=0.001, look=0.0005, claim=0.0005, claim_job=0.0001, skip=1e-6, work=0.001, renew=1e-5
)


def options(**changed: object) -> Namespace:
    usual = {
        "nodes": 5,
        "slots": 2,
        "rate": 20.0,
        "document_seconds": 0.2,
        "seconds": 30.0,
        "cores": 2,
        "woken": None,
        "seed": 1,
    }
    return Namespace(**usual | changed)


def simulated(**changed: object) -> Cluster:
    cluster = Cluster(options(**changed), COSTS)
    cluster.run()
    return cluster


def test_the_same_seed_gives_the_same_report() -> None:
    one, again, other = (
        list(report(simulated(seed=seed), options(seed=seed))) for seed in (1, 1, 2)
    )

    assert one == again
    assert one[1:] != other[1:]


def test_each_document_is_claimed_once() -> None:
    counts = simulated().counts

    assert counts.arrived > 500
    assert counts.arrived - 10 <= len(counts.waits) <= counts.arrived
    assert counts.ended <= len(counts.waits)


def test_more_than_the_slots_can_do_waits() -> None:
    counts = simulated(rate=200.0).counts

    assert counts.ended / 30 <= 5 * 2 / 0.2 * 1.1
    assert max(counts.waits) > 1


def test_fewer_nodes_that_hear_of_a_document_look_in_vain_less_often() -> None:
    all_of_them, one = simulated().counts, simulated(woken=1).counts

    assert one.looks_in_vain < all_of_them.looks_in_vain / 2
    assert abs(one.ended - all_of_them.ended) < 10
