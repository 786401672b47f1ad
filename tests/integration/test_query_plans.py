"""The hot queries go through their indexes, whatever the number of rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.orm import Session

from ilios import (
    backlog,
    budgets,
    catalog,
    census,
    clock,
    interventions,
    key_ring,
    ledger,
    queue,
    ranks,
    releases,
    results,
    retiring,
)
from ilios.conversion_errors import CorruptDocument
from ilios.database import Database
from ilios.engines import EMBEDDED, LANES
from ilios.errors import LeaseLost
from ilios.listing import Filter, statement
from ilios.models import DocumentStatus
from ilios.queue import Lease
from tests.support import documents

NOW = clock.now()
LEASE = Lease("a" * 24, "b" * 24)


def _listed(**which: Any) -> Callable[[Session], object]:
    return lambda session: session.scalars(statement(Filter("a", **which), None, 50)).all()


HOT: dict[str, tuple[Callable[[Session], object], set[str]]] = {
    "claim": (
        lambda session: queue.claim(session, EMBEDDED, "node/0", NOW),
        {"ix_job_ready", "sqlite_autoindex_job_queue_1"},
    ),
    "anything_ready": (lambda s: backlog.anything_ready(s, LANES), {"ix_job_ready"}),
    "anything_due": (lambda s: backlog.anything_due(s, NOW), {"ix_job_delayed"}),
    "promote_due": (lambda s: queue.promote_due(s, NOW), {"ix_job_delayed"}),
    "anything_expired": (lambda s: backlog.anything_expired(s, NOW), {"ix_job_leased"}),
    "release_expired": (
        lambda s: releases.release_lost(s, releases.expired(NOW), "", NOW),
        {"ix_job_leased"},
    ),
    "held": (lambda s: _ignoring_loss(s), {"sqlite_autoindex_job_queue_1"}),
    "rank": (
        lambda s: ranks.next_rank(s, EMBEDDED, "a", 5, NOW),
        {"ix_job_ready", "ix_job_owner_pending"},
    ),
    "oldest_ready": (lambda s: backlog.oldest_ready(s, LANES), {"ix_job_ready"}),
    "twin": (
        lambda s: catalog.twin(s, "a", "f", in_batch_lane=False),
        {"ix_documents_fingerprint"},
    ),
    "complete": (
        lambda s: results.fail(s, "a", CorruptDocument("no"), NOW),
        {"ix_documents_result_of", "sqlite_autoindex_documents_1"},
    ),
    "calls_unknown": (lambda s: ledger.calls_unknown(s, "a"), {"ix_usage_job"}),
    "open_jobs": (lambda s: backlog.open_jobs(s, "a"), {"ix_job_document"}),
    "latest_job": (lambda s: catalog.latest_job(s, "a"), {"ix_job_document"}),
    "begin": (
        lambda s: results.begin(s, "a", NOW),
        {"sqlite_autoindex_documents_1", "sqlite_autoindex_job_queue_1"},
    ),
    "batch_documents": (lambda s: catalog.documents_in_batch(s, "a"), {"ix_documents_batch"}),
    "batch_progress": (lambda s: catalog.batch_progress(s, "a"), {"ix_documents_batch"}),
    "pages": (lambda s: catalog.pages(s, "a", [0, 1]), {"sqlite_autoindex_pages_1"}),
    "usage": (
        lambda s: ledger.summary(s, "a", ledger.Period(NOW, NOW)),
        {"ix_usage_owner"},
    ),
    "reserved": (lambda s: budgets.reserved(s, "a"), {"ix_documents_reserving"}),
    "used": (
        lambda s: budgets.used(s, "a", *budgets.month_of(NOW)),
        {"sqlite_autoindex_daily_usage_1"},
    ),
    "admit": (lambda s: budgets.admit(s, "a", budgets.Need(1, 1), NOW), {"ix_api_keys_owner"}),
    "a_key": (
        lambda s: s.connection().exec_driver_sql(key_ring._BY_HASH, ("a",)),
        {"ix_api_keys_hash", "ix_api_keys_previous_hash"},
    ),
    "list": (_listed(), {"ix_documents_listed"}),
    "list_by_name": (_listed(q="a"), {"ix_documents_listed"}),
    "list_by_name_and_status": (
        _listed(q="a", status=DocumentStatus.FAILED),
        {"ix_documents_listed"},
    ),
    "list_by_status": (_listed(status=DocumentStatus.FAILED), {"ix_documents_by_status"}),
    "list_deleted": (_listed(status=DocumentStatus.DELETED), {"ix_documents_by_status"}),
    "list_of_batch": (_listed(batch_id="a"), {"ix_documents_batch"}),
    "cancelled_under": (lambda s: backlog.cancelled_under(s, "node"), {"ix_job_let_go"}),
    "expired": (lambda s: retiring.expired(s, NOW), {"ix_documents_to_expire"}),
    "expired_in_archive": (
        lambda s: retiring.expired_in_archive(s, NOW),
        {"ix_documents_archived"},
    ),
    "never_uploaded": (
        lambda s: retiring.never_uploaded(s, NOW, 1),
        {"ix_documents_awaiting_upload"},
    ),
    "is_awaited": (
        lambda s: interventions.is_awaited(s, "a"),
        {"ix_documents_result_of", "sqlite_autoindex_documents_1"},
    ),
    "forget_result": (
        lambda s: interventions.forget_result(s, "a"),
        {"ix_documents_result_of", "sqlite_autoindex_documents_1"},
    ),
    "cancel": (lambda s: releases.cancel(s, "a", NOW), {"ix_job_document"}),
    "hurry_batch": (
        lambda s: releases.hurry_batch(s, "a"),
        {"ix_job_delayed", "ix_provider_batches_batch"},
    ),
    "depths": (
        lambda s: census.depths(s, LANES),
        {"ix_job_ready", "ix_job_delayed", "ix_job_leased"},
    ),
    "ended_since": (lambda s: census.ended_since(s, NOW), {"ix_documents_ended"}),
    "failures": (lambda s: census.failures(s, 20), {"ix_documents_ended"}),
    "running": (
        lambda s: census.running(s, 50),
        {"ix_job_leased", "sqlite_autoindex_documents_1"},
    ),
    "retries": (
        lambda s: census.retries(s, 20),
        {"ix_job_delayed", "sqlite_autoindex_documents_1"},
    ),
    "used_by_all": (lambda s: census.used(s, NOW.date()), {"ix_daily_usage_day"}),
    "reserved_by_all": (lambda s: census.reserved(s), {"ix_documents_reserving"}),
    "keys_of": (
        lambda s: census.keys_of(s, ["a"]),
        {"ix_api_keys_name", "ix_api_keys_owner"},
    ),
    "abandon": (lambda s: ledger.abandon(s, ["a"], NOW), {"ix_usage_job"}),
}


def _ignoring_loss(session: Session) -> None:
    with pytest.raises(LeaseLost):
        queue.held(session, LEASE)


@contextmanager
def recorded_statements(session: Session) -> Iterator[list[tuple[str, Any]]]:
    """What the session sends to the database, with its parameters."""
    statements: list[tuple[str, Any]] = []
    connection = session.connection()

    def note(_c: object, _k: object, statement: str, parameters: Any, *_: object) -> None:
        statements.append((statement, parameters))

    event.listen(connection, "before_cursor_execute", note)
    yield statements
    event.remove(connection, "before_cursor_execute", note)


def plan(session: Session, statement: str, parameters: Any) -> list[str]:
    rows = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
    return [row[3] for row in rows]


@pytest.mark.parametrize("name", HOT)
def test_a_hot_query_searches_its_indexes_and_scans_no_table(database: Database, name: str) -> None:
    query, indexes = HOT[name]
    with database.writing() as session:
        with recorded_statements(session) as statements:
            query(session)
        steps = [step for said in statements for step in plan(session, *said)]
        session.rollback()

    touching = [
        step
        for step in steps
        if step.startswith(("SCAN", "SEARCH")) and step != "SCAN CONSTANT ROW"
    ]
    assert touching
    # A scan of a partial index in its own order stops at the first row; of a table it does not.
    assert not [step for step in touching if step.startswith("SCAN") and "INDEX" not in step]
    used = {index for step in touching for index in indexes if index in step}
    assert used == indexes


def test_ready_jobs_are_found_beside_a_hundred_delayed_ones(database: Database) -> None:
    for _ in range(20):
        documents.add_document(database)
    with database.writing() as session:
        session.execute(text("UPDATE job_queue SET scheduled_at = '2999-01-01 00:00:00.000000'"))
    _, ready = documents.add_document(database)

    with database.writing() as session:
        lease = queue.claim(session, EMBEDDED, "node/0", datetime.now(tz=NOW.tzinfo))

    assert lease is not None
    assert lease.job_id == ready
