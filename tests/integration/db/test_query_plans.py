"""The hot queries go through their indexes, whatever the number of rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from unittest.mock import patch

import pytest
from sqlalchemy import event, text
from sqlalchemy.orm import Session

from ilios.accounts import authentication, ledger, ledger_sums, quotas
from ilios.core import clock
from ilios.core.conversion_errors import CorruptDocument
from ilios.core.errors import LeaseLost
from ilios.core.request_errors import DocumentNotFound
from ilios.db import name_blocks, prepared, search_backfill
from ilios.db.database import Database
from ilios.db.models import DocumentStatus
from ilios.documents import (
    extractions,
    following,
    idempotency,
    indexing,
    listing,
    page_rows,
    passwords,
    removal,
    repository,
    results,
    search,
    snapshots,
    url_sources,
    waiting,
)
from ilios.documents.idempotency import Repeatable
from ilios.documents.listing import Filter, list_after
from ilios.documents.retention import expiry
from ilios.engines.base import Page
from ilios.engines.registry import EMBEDDED, LANES
from ilios.operations import health, statistics
from ilios.queue import cancellation, guests, jobs, priority, queries, release
from ilios.queue.jobs import Lease
from ilios.webhooks import outbox
from ilios.webhooks.outbox import Due
from tests.support import documents

NOW = clock.now()
NOT_TABLES = (
    "SCAN CONSTANT ROW",
    "SCAN instance",  # of one row
    "SCAN owners",  # a common table expression
)
LEASE = Lease("a" * 24, "b" * 24)
REPEATABLE = Repeatable("a" * 64, "owner", "b" * 64)


def _listed(**which: Any) -> Callable[[Session], object]:
    return lambda session: list_after(session, Filter("a", **which), None, 50)


def _ignoring_absence(ask: Callable[..., object]) -> Callable[[Session], object]:
    def asked(session: Session) -> None:
        with pytest.raises(DocumentNotFound):
            ask(session, "a", "b")

    return asked


HOT: dict[str, tuple[Callable[[Session], object], set[str]]] = {
    "claim": (
        lambda session: jobs.claim(session, EMBEDDED, "node/0", NOW),
        {"ix_job_ready", "sqlite_autoindex_job_queue_1"},
    ),
    "first_ready_of_others": (
        lambda s: guests.first_ready(s, EMBEDDED, ["a", "b"]),
        {"ix_job_ready_of_owner"},
    ),
    "claim_for_a_guest": (
        lambda s: jobs.claim_one(s, "a", "node/0", NOW),
        {"sqlite_autoindex_job_queue_1"},
    ),
    "anything_ready": (lambda s: queries.anything_ready(s, LANES), {"ix_job_ready"}),
    "anything_due": (lambda s: queries.anything_due(s, NOW), {"ix_job_delayed"}),
    "promote_due": (lambda s: jobs.promote_due(s, NOW), {"ix_job_delayed"}),
    "anything_expired": (lambda s: queries.anything_expired(s, NOW), {"ix_job_leased"}),
    "release_expired": (
        lambda s: release.release_lost(s, release.expired(NOW), "", NOW),
        {"ix_job_leased"},
    ),
    "held": (lambda s: _ignoring_loss(s), {"sqlite_autoindex_job_queue_1"}),
    "rank": (
        lambda s: priority.next_rank(s, EMBEDDED, "a", 5, NOW),
        {"ix_job_ready", "ix_job_owner_pending"},
    ),
    "oldest_ready": (lambda s: queries.oldest_ready(s, LANES), {"ix_job_ready"}),
    "health": (lambda s: health._QUEUE.all(s), {"ix_job_ready"}),
    "duplicate": (
        lambda s: repository.duplicate(s, "a", "f", in_batch_lane=False, needs_blocks=True),
        {"ix_documents_fingerprint", "sqlite_autoindex_pages_1"},
    ),
    "password": (lambda s: passwords.sealed_of(s, "a"), {"sqlite_autoindex_document_passwords_1"}),
    "forgotten_passwords": (
        lambda s: passwords.left_in_log(s, 9),
        {"ix_document_passwords_left"},
    ),
    "gone_passwords": (
        lambda s: passwords.note_gone(s, ["a"]),
        {"sqlite_autoindex_document_passwords_1"},
    ),
    "earlier_fetch": (
        lambda s: url_sources.earlier(s, "a", "d"),
        {"ix_url_sources_known", "sqlite_autoindex_documents_1"},
    ),
    "complete": (
        lambda s: results.fail(s, "a", CorruptDocument("no"), NOW),
        {"ix_documents_result_of", "sqlite_autoindex_documents_1"},
    ),
    "calls_unknown": (lambda s: ledger.calls_unknown(s, "a"), {"ix_usage_job"}),
    "open_jobs": (lambda s: queries.open_jobs(s, "a"), {"ix_job_document"}),
    "status": (
        _ignoring_absence(snapshots.report),
        {
            "sqlite_autoindex_documents_1",
            "sqlite_autoindex_job_queue_1",
            "ix_job_document",
            "ix_job_owner_pending",
        },
    ),
    "result": (_ignoring_absence(snapshots.present_document), {"sqlite_autoindex_documents_1"}),
    "page_indexes": (lambda s: repository.page_indexes(s, "a"), {"sqlite_autoindex_pages_1"}),
    "cost_of_document": (lambda s: ledger_sums.of_document(s, "a", "b"), {"ix_usage_owner"}),
    "latest_job": (lambda s: repository.latest_job(s, "a"), {"ix_job_document"}),
    "begin": (
        lambda s: results.begin(s, "a", NOW),
        {"sqlite_autoindex_documents_1", "sqlite_autoindex_job_queue_1"},
    ),
    "batch_documents": (lambda s: repository.documents_in_batch(s, "a"), {"ix_documents_batch"}),
    "batch_progress": (lambda s: repository.batch_progress(s, "a"), {"ix_documents_batch"}),
    "pages": (lambda s: page_rows.pages(s, "a", [0, 1], "blocks"), {"sqlite_autoindex_pages_1"}),
    "pieces": (
        lambda s: page_rows.pieces(s, "a", 0, after=1),
        {"sqlite_autoindex_page_pieces_1"},
    ),
    "layout": (
        lambda s: page_rows.layout(s, "a", 0, after=1),
        {"sqlite_autoindex_page_pieces_1"},
    ),
    "words": (lambda s: page_rows.words(s, "a", 0, after=1), {"sqlite_autoindex_page_words_1"}),
    "extraction": (
        lambda s: extractions.answer_of(s, "a"),
        {"sqlite_autoindex_extractions_1"},
    ),
    "forget_extraction": (
        lambda s: extractions.forget(s, "a"),
        {"sqlite_autoindex_extractions_1"},
    ),
    "source": (
        lambda s: _ignoring_absence(lambda on, of, _: repository.source(on, of))(s),
        {"sqlite_autoindex_documents_1"},
    ),
    "usage": (
        lambda s: ledger_sums.summary(s, "a", ledger_sums.Period(NOW, NOW)),
        {"ix_usage_owner"},
    ),
    "reserved": (lambda s: quotas.reserved(s, "a"), {"ix_documents_reserving"}),
    "used": (
        lambda s: quotas.used(s, "a", *quotas.month_of(NOW)),
        {"sqlite_autoindex_daily_usage_1"},
    ),
    "admit": (
        lambda s: quotas.admit(s, "a", lambda: quotas.Amount(1, 1), NOW),
        {"ix_api_keys_owner"},
    ),
    "a_key": (
        lambda s: authentication._BY_HASH.all(s, asked="a"),
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
    "cancelled_under": (lambda s: queries.cancelled_under(s, "node"), {"ix_job_let_go"}),
    "expired": (lambda s: expiry.expired(s, NOW), {"ix_documents_to_expire"}),
    "expired_in_archive": (
        lambda s: expiry.expired_in_archive(s, NOW),
        {"ix_documents_archived"},
    ),
    "never_uploaded": (
        lambda s: expiry.never_uploaded(s, NOW, 1),
        {"ix_documents_awaiting_upload"},
    ),
    "is_awaited": (
        lambda s: repository.is_awaited(s, "a"),
        {"ix_documents_result_of", "sqlite_autoindex_documents_1"},
    ),
    "awaited": (
        lambda s: repository.is_awaited(s, "a"),
        {"sqlite_autoindex_documents_1", "ix_documents_result_of"},
    ),
    "cancel_batch": (lambda s: removal.cancel_batch(s, "a", NOW), {"ix_documents_batch"}),
    "forget_result": (
        lambda s: removal.forget_result(s, "a"),
        {"ix_documents_result_of", "sqlite_autoindex_documents_1"},
    ),
    "delete_pages": (
        lambda s: (removal.has_pages_to_delete(s, "a"), removal._delete_last_row(s, "a")),
        {
            "ix_documents_result_of",
            "sqlite_autoindex_documents_1",
            "sqlite_autoindex_pages_1",
        },
    ),
    "next_with_pages_to_delete": (
        removal.next_with_pages_to_delete,
        {"ix_documents_to_erase", "ix_documents_result_of", "sqlite_autoindex_pages_1"},
    ),
    "enter_pages": (
        lambda s: indexing.add(s, "a", [Page(0, "heron")]),
        {"INTEGER PRIMARY KEY"},
    ),
    "index_pages": (
        lambda s: _enter_and_index(s),
        {"sqlite_autoindex_pages_1", "INTEGER PRIMARY KEY"},
    ),
    "pages_not_indexed_yet": (
        lambda s: search._ENTERED.all(s, of_owner="a", newest=9),
        {"sqlite_autoindex_pages_1", "INTEGER PRIMARY KEY"},
    ),
    "documents_named": (
        lambda s: listing.list_after(s, Filter("a", q="b"), (NOW, "c"), 9),
        {"sqlite_autoindex_search_names_1", "ix_documents_listed"},
    ),
    "documents_to_list": (
        lambda s: search_backfill._NEXT.all(s, behind="a", at_most=9),
        {"sqlite_autoindex_documents_1", "sqlite_autoindex_pages_1"},
    ),
    "block_of_names": (
        lambda s: s.connection().exec_driver_sql(name_blocks._PACK, ("a",)),
        {"sqlite_autoindex_search_names_1", "ix_documents_listed"},
    ),
    "next_owner_of_names": (
        lambda s: search_backfill._NEXT_OWNER.all(s, behind="a"),
        {"ix_documents_by_status"},
    ),
    "pages_that_hold_words": (
        lambda s: search._HOLDING.all(s, wanted='text : ("a")', newest=9),
        {"VIRTUAL TABLE INDEX"},
    ),
    "pages_ranked": (
        lambda s: search._RANKED.all(
            s, wanted='text : ("a")', oldest=0, newest=9, numbers="[1, 2]"
        ),
        {"VIRTUAL TABLE INDEX", "INTEGER PRIMARY KEY"},
    ),
    "documents_of_a_result": (
        lambda s: listing._rows(s, Filter("a", q="b"), {"of_result": "c"}, 9),
        {"ix_documents_result_of", "sqlite_autoindex_documents_1"},
    ),
    "further_documents_of_a_result": (
        lambda s: listing._rows(
            s, Filter("a", q="b"), {"of_result": "c", "moment": NOW, "last_id": "d"}, 9
        ),
        {"ix_documents_result_of", "sqlite_autoindex_documents_1"},
    ),
    "results_with_documents": (
        lambda s: list(listing._listed(s, Filter("a", q="b"), ["c"])),
        {"ix_documents_result_of", "sqlite_autoindex_documents_1"},
    ),
    "followed_documents": (
        lambda s: following._DOCUMENTS.all(s, wanted="[]"),
        {"sqlite_autoindex_documents_1"},
    ),
    "followed_batches": (
        lambda s: following._BATCHES.all(s, wanted="[]"),
        {"ix_documents_batch", "ix_provider_batches_batch"},
    ),
    "followed_keys": (
        lambda s: following._KEYS.all(s, owners="[]", since=NOW),
        {"ix_documents_by_status", "ix_documents_ended"},
    ),
    "awaited_documents": (
        lambda s: waiting._ENDED.all(s, awaited="[]"),
        {"sqlite_autoindex_documents_1"},
    ),
    "results_with_documents_of_a_batch": (
        lambda s: list(listing._listed(s, Filter("a", q="b", batch_id="d"), ["c"])),
        {"ix_documents_batch"},
    ),
    "results_with_documents_of_a_status": (
        lambda s: list(
            listing._listed(s, Filter("a", q="b", status=DocumentStatus.COMPLETED), ["c"])
        ),
        {"ix_documents_result_of", "sqlite_autoindex_documents_1"},
    ),
    "cancel": (lambda s: cancellation.cancel(s, "a", NOW), {"ix_job_document"}),
    "hurry_batch": (
        lambda s: priority.schedule_batch_now(s, "a"),
        {"ix_job_delayed", "ix_provider_batches_batch"},
    ),
    "depths": (
        lambda s: statistics.depths(s, LANES),
        {"ix_job_ready", "ix_job_delayed", "ix_job_leased"},
    ),
    "ended_since": (lambda s: statistics.ended_since(s, NOW), {"ix_documents_ended"}),
    "failures": (lambda s: statistics.failures(s, 20), {"ix_documents_ended"}),
    "running": (
        lambda s: statistics.running(s, 50),
        {"ix_job_leased", "sqlite_autoindex_documents_1"},
    ),
    "retries": (
        lambda s: statistics.retries(s, 20),
        {"ix_job_delayed", "sqlite_autoindex_documents_1"},
    ),
    "used_by_all": (lambda s: statistics.used(s, NOW.date()), {"ix_daily_usage_day"}),
    "reserved_by_all": (lambda s: statistics.reserved(s), {"ix_documents_reserving"}),
    "keys_of": (
        lambda s: statistics.keys_of(s, ["a"]),
        {"ix_api_keys_name", "ix_api_keys_owner"},
    ),
    "webhook_receivers": (
        lambda s: list(outbox.each_receiver(s)),
        {"ix_webhook_deliveries_waiting"},
    ),
    "webhooks_due": (
        lambda s: outbox.due_at(s, "a", "b", NOW, 4),
        {"ix_webhook_deliveries_waiting"},
    ),
    "webhooks_next": (outbox.next_moment, {"ix_webhook_deliveries_open"}),
    "webhooks_are_empty": (outbox.is_empty, {"ix_webhook_deliveries_open"}),
    "webhooks_undelivered": (statistics.undelivered, {"ix_webhook_deliveries_open"}),
    "webhooks_hasten": (lambda s: outbox.hasten(s, NOW), {"ix_webhook_deliveries_open"}),
    "webhooks_resume": (
        lambda s: outbox.resume(s, NOW),
        {"ix_webhook_deliveries_open", "ix_webhook_deliveries_stream"},
    ),
    "webhook_claim": (
        lambda s: outbox.claim(s, Due("a", "b", 1, NOW), NOW),
        {"sqlite_autoindex_webhook_deliveries_1"},
    ),
    "webhooks_stranded": (
        lambda s: outbox.stranded(s, ()),
        {"ix_webhook_deliveries_sending"},
    ),
    "anything_to_sweep_of_webhooks": (
        lambda s: outbox.anything_to_sweep(s, NOW),
        {"ix_webhook_deliveries_ended"},
    ),
    "webhooks_to_sweep": (lambda s: outbox.sweep(s, NOW), {"ix_webhook_deliveries_ended"}),
    "abandon": (lambda s: ledger.abandon(s, ["a"], NOW), {"ix_usage_job"}),
    "created_by_a_key": (
        lambda s: idempotency.created_by(s, REPEATABLE),
        {"sqlite_autoindex_idempotency_keys_1"},
    ),
    "documents_of_a_key": (
        lambda s: idempotency._documents(s, ["a"]),
        {"sqlite_autoindex_documents_1", "sqlite_autoindex_url_sources_1"},
    ),
    "batch_of_a_key": (
        lambda s: (idempotency._in_batch(s, "a"), idempotency._BATCH.all(s, of_batch="a")),
        {
            "ix_documents_batch",
            "sqlite_autoindex_batches_1",
            "sqlite_autoindex_url_sources_1",
        },
    ),
    "note_a_key": (
        lambda s: idempotency.note(s, REPEATABLE, []),
        {"ix_idempotency_keys_owner"},
    ),
    "expired_keys": (
        lambda s: (idempotency.expired_count(s, NOW), idempotency.forget_expired(s, NOW, 9)),
        {"ix_idempotency_keys_created_at", "sqlite_autoindex_idempotency_keys_1"},
    ),
}


def _enter_and_index(session: Session) -> None:
    indexing.add(session, "a", [Page(0, "heron")])
    indexing.index_entered(session)


def _ignoring_loss(session: Session) -> None:
    with pytest.raises(LeaseLost):
        jobs.held(session, LEASE)


@contextmanager
def recorded_statements(session: Session) -> Iterator[list[tuple[str, Any]]]:
    """Return what the session sends to the database, with its parameters."""
    statements: list[tuple[str, Any]] = []
    connection = session.connection()

    def note(_c: object, _k: object, statement: str, parameters: Any, *_: object) -> None:
        statements.append((statement, parameters))

    execute = prepared._Compiled.execute

    def note_prepared(compiled: Any, driver: Any, parameters: Any, **how: Any) -> Any:
        statements.append((compiled._sql, compiled._values_of(parameters)))
        return execute(compiled, driver, parameters, **how)

    event.listen(connection, "before_cursor_execute", note)
    with patch.object(prepared._Compiled, "execute", note_prepared):
        yield statements
    event.remove(connection, "before_cursor_execute", note)


def plan(session: Session, statement: str, parameters: Any) -> list[str]:
    rows = session.connection().exec_driver_sql(
        f"EXPLAIN QUERY PLAN {statement}", tuple(parameters)
    )
    return [row[3] for row in rows]


def steps_of(database: Database, query: Callable[[Session], object]) -> list[str]:
    with database.writing() as session:
        with recorded_statements(session) as statements:
            query(session)
        steps = [step for said in statements for step in plan(session, *said)]
        session.rollback()
    return steps


@pytest.mark.parametrize("name", HOT)
def test_a_hot_query_searches_its_indexes_and_scans_no_table(database: Database, name: str) -> None:
    query, indexes = HOT[name]
    steps = steps_of(database, query)

    touching = [
        step for step in steps if step.startswith(("SCAN", "SEARCH")) and step not in NOT_TABLES
    ]
    assert touching
    # A scan of a partial index in its own order stops at the first row; of a table it does not.
    assert not [step for step in touching if step.startswith("SCAN") and "INDEX" not in step]
    used = {index for step in touching for index in indexes if index in step}
    assert used == indexes


@pytest.mark.parametrize("name", [name for name in HOT if name.startswith("followed_")])
def test_a_look_for_followers_reads_no_index_to_its_end(database: Database, name: str) -> None:
    steps = steps_of(database, HOT[name][0])

    assert not [step for step in steps if step.startswith("SCAN documents")]


def test_ready_jobs_are_found_beside_a_hundred_delayed_ones(database: Database) -> None:
    for _ in range(20):
        documents.add_document(database)
    with database.writing() as session:
        session.execute(text("UPDATE job_queue SET scheduled_at = '2999-01-01 00:00:00.000000'"))
    _, ready = documents.add_document(database)

    with database.writing() as session:
        lease = jobs.claim(session, EMBEDDED, "node/0", datetime.now(tz=NOW.tzinfo))

    assert lease is not None
    assert lease.job_id == ready
