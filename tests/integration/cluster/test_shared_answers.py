"""Paid answers that another node has: read by the next attempt, and gone with what they hold."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ilios.conversion.answer_keeping import open_spool
from ilios.conversion.shared_answers import SharedAnswers
from ilios.core import clock, ids
from ilios.db.postgres.database import PostgresDatabase
from ilios.storage.answer_spool import CallRecord
from tests.integration.cluster.conftest import MakeNode

BODY = b'{"pages": []}\n\x00\xff'


@pytest.fixture
def spools(shared: PostgresDatabase, node: MakeNode) -> tuple[SharedAnswers, SharedAnswers]:
    """Provide the spools of two nodes."""
    first, second = (open_spool(node(name), shared) for name in ("host-1", "host-2"))
    assert isinstance(first, SharedAnswers)
    assert isinstance(second, SharedAnswers)
    return first, second


@pytest.fixture
def call() -> CallRecord:
    return CallRecord(ids.new_id(), ids.new_id(), ids.new_id(), (0, 1))


def kept(database: PostgresDatabase) -> list[str]:
    with database.watching() as watch:
        rows = watch.driver.execute("SELECT call_id FROM paid_answers ORDER BY 1").fetchall()
    return [call_id for (call_id,) in rows]


def test_the_next_attempt_on_another_node_reads_the_answer(
    spools: tuple[SharedAnswers, SharedAnswers], call: CallRecord
) -> None:
    first, second = spools
    first.keep(call, BODY)

    (found,) = second.of_job(call.job_id)

    assert found.call == call
    assert found.body() == BODY
    assert call.job_id in second.jobs()
    assert len(second.of_job(call.job_id)) == 1  # it is not brought twice
    assert second.of_job(ids.new_id()) == []


def test_an_answer_that_is_forgotten_is_forgotten_by_all(
    spools: tuple[SharedAnswers, SharedAnswers], call: CallRecord, shared: PostgresDatabase
) -> None:
    first, second = spools
    first.keep(call, BODY)
    second.of_job(call.job_id)

    second.forget(call)

    assert kept(shared) == []
    assert second.of_job(call.job_id) == []


def test_an_answer_goes_with_the_transaction_that_settles_its_call(
    spools: tuple[SharedAnswers, SharedAnswers], call: CallRecord, shared: PostgresDatabase
) -> None:
    first, _ = spools
    first.keep(call, BODY)
    with shared.watching() as watch:
        watch.driver.execute(
            "INSERT INTO usage (call_id, document_id, job_id, owner, operation, engine, model, "
            "state, expected_pages, is_batch, is_annotated, pages, input_tokens, output_tokens, "
            "price_micros, margin_percent, base_cost_micros, total_cost_micros, created_at) "
            "VALUES (%s, 'd', 'j', 'o', 'convert', 'mistral', 'm', 'open', 0, false, false, 0, 0, "
            "0, 0, 0, 0, 0, now())",
            (call.call_id,),
        )
        watch.driver.execute("UPDATE usage SET state = 'unknown'")
        assert kept(shared) == [call.call_id]

        watch.driver.execute("UPDATE usage SET state = 'settled'")

    assert kept(shared) == []


def test_what_nobody_fetches_is_found_by_any_node(
    spools: tuple[SharedAnswers, SharedAnswers],
    call: CallRecord,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, second = spools
    first.keep(call, BODY)
    assert second.older_than(600) == []

    later = clock.now().timestamp() + 700
    monkeypatch.setattr(clock, "now", lambda: datetime.fromtimestamp(later, UTC))

    assert [one.call for one in second.older_than(600)] == [call]


def test_without_a_database_the_file_is_kept_all_the_same(call: CallRecord, tmp_path: Path) -> None:
    with closing(PostgresDatabase("postgresql://127.0.0.1:1/none")) as absent:
        spool = SharedAnswers(tmp_path, absent, ids.new_id())

        assert spool.keep(call, BODY).body() == BODY

        spool.forget(call)
    assert list(tmp_path.iterdir()) == []
