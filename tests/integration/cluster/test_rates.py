"""Rate limits of a cluster, beside what tests/integration/accounts/test_rate_limits.py shows."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

from ilios.accounts.shared_rates import SharedRates
from ilios.db.postgres.database import PostgresDatabase

QUOTA = 50


def count_many(rates: SharedRates) -> int:
    return sum(rates.count("a", QUOTA).is_allowed for _ in range(QUOTA))


def test_nodes_count_together_by_the_clock_of_the_database(
    shared: PostgresDatabase, cluster_url: str
) -> None:
    with closing(PostgresDatabase(cluster_url)) as other, ThreadPoolExecutor(4) as pool:
        nodes = [SharedRates(shared), SharedRates(other)]

        assert sum(pool.map(count_many, [*nodes, *nodes])) == QUOTA

    refused = SharedRates(shared).count("a", QUOTA)
    assert (refused.is_allowed, refused.remaining) == (False, 0)
    assert 0 < refused.reset_seconds <= 60


def test_a_clock_that_is_a_little_behind_after_a_failover_counts_on(
    shared: PostgresDatabase,
) -> None:
    moments = iter([10**12, 10**12 - 10**9])
    rates = SharedRates(shared, lambda: next(moments))
    assert rates.count("a", 1).is_allowed

    assert not rates.count("a", 1).is_allowed


def test_a_database_that_does_not_answer_refuses_no_request() -> None:
    with closing(PostgresDatabase("postgresql://127.0.0.1:1/none")) as absent:
        assert SharedRates(absent).count("a", 1).is_allowed
