"""The statements of the queue find their rows by an index, however many others there are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

import pytest
from sqlalchemy import text

from ilios.db.postgres.database import PostgresDatabase
from ilios.db.prepared import Prepared
from ilios.engines.registry import EMBEDDED
from ilios.queue import batch_claims, guests, joint, priority, queries

NOON: Final = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
JOBS: Final = 20_000
_FILL: Final = f"""
INSERT INTO job_queue (id, owner, type, lane, status, priority, rank, attempts, max_attempts,
    crashes, scheduled_at, created_at)
SELECT status || lpad(i::text, 15, '0'), 'owner-' || i % 3, 'convert', '{EMBEDDED}', status, 5, i,
    0, 3, 0, CASE WHEN i % 10 = 0 AND status = 'pending' THEN now() END, now()
FROM generate_series(1, {{jobs}}) AS i, unnest(ARRAY['pending', 'completed']) AS status
"""
_CLAIM: Final[dict[str, object]] = {
    "in_lane": EMBEDDED,
    "at_most": 8,
    "new_token": "t",
    "until": NOON,
    "by": "node/worker-0",
    "moment": NOON,
}
STATEMENTS: Final[dict[str, tuple[Prepared, dict[str, object], str]]] = {
    "claim": (batch_claims._CLAIM, _CLAIM, "ix_job_ready"),
    "look": (queries._READY, {"in_lane": EMBEDDED}, "ix_job_ready"),
    "due": (queries._DUE, {"moment": NOON}, "ix_job_delayed"),
    "expired": (queries._EXPIRED, {"moment": NOON}, "ix_job_leased"),
    "rank": (
        priority._HEAD_AND_TAIL,
        {"lane": EMBEDDED, "owner": "owner-1", "priority": 5},
        "ix_job_owner_pending",
    ),
    "guest": (
        guests._FIRST_OF_OTHERS,
        {"in_lane": EMBEDDED, "not_of": '["owner-1"]'},
        "ix_job_ready_of_owner",
    ),
    "finish": (
        joint._FINISH,
        {
            "of_jobs": '["pending000000000000001"]',
            "under_tokens": '["t"]',
            "moment": NOON,
        },
        "pk_job_queue",
    ),
}


NEW, KNOWN, SMALL = "new", "known", "small"
CASES: Final = [
    (queue, name)
    for queue in (NEW, KNOWN, SMALL)
    for name in STATEMENTS
    # Until its table is counted, a minute later at most, this one goes through the ready jobs.
    if (queue, name) != (NEW, "guest")
]


@pytest.fixture
def filled(database: PostgresDatabase, request: pytest.FixtureRequest) -> PostgresDatabase:
    """Provide a long queue, before or after the server has counted it, or one of a few jobs.

    The plan that is made for these is kept for the many that may follow.
    """
    with database.writing() as session:
        session.execute(text(_FILL.format(jobs=10 if request.param == SMALL else JOBS)))
    if request.param != NEW:
        with database.watching() as watch:
            watch.driver.execute("VACUUM ANALYZE job_queue")
    return database


@pytest.mark.parametrize(("filled", "name"), CASES, indirect=["filled"])
def test_no_statement_of_the_queue_goes_through_the_jobs(
    filled: PostgresDatabase, name: str
) -> None:
    prepared, parameters, index = STATEMENTS[name]
    plan = explained(filled, prepared, parameters)

    assert index in {node.get("Index Name") for node in plan}
    assert "Seq Scan" not in {node["Node Type"] for node in plan}
    assert max(map(rows_of, plan)) <= JOBS // 100


def explained(
    database: PostgresDatabase, prepared: Prepared, parameters: dict[str, object]
) -> list[dict[str, Any]]:
    """Return the nodes of the plan with which a statement is executed."""
    with database.reading() as session:
        compiled = prepared._compile(session.dialect)
    with database.writing() as session:
        values = compiled._values_of(parameters)
        cursor = session.driver.execute(
            f"EXPLAIN (ANALYZE, FORMAT JSON) {compiled._sql}", values, prepare=False
        )
        (found,) = cursor.fetchone()
    plan = json.loads(found) if isinstance(found, str) else found
    return list(nodes(plan[0]["Plan"]))


def nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for inner in node.get("Plans", ()):
        yield from nodes(inner)


def rows_of(node: dict[str, Any]) -> float:
    """Return how many rows a node has read, those that it has dropped included."""
    dropped = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    return float((node["Actual Rows"] + dropped) * node["Actual Loops"])
