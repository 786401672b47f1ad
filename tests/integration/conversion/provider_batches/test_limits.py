"""Limits of a key and of a request in the batch lane: checked before the provider gets anything."""

from __future__ import annotations

import pytest

from ilios.accounts import quotas
from ilios.db.database import Database
from ilios.db.models import DocumentStatus
from ilios.engines.base import Options
from tests.mistral_server.samples import pdf
from tests.support import batching
from tests.support.batching import (
    BATCH_PAGE_MICROS,
    Check,
    LaneWorker,
    Statuses,
    Submit,
    one_page,
)
from tests.support.issuing import issue

pytestmark = pytest.mark.both_databases

THREE_PAGES = pdf("One.", "Two.", "Three.")
AROUND_IT = [DocumentStatus.COMPLETED, DocumentStatus.FAILED, DocumentStatus.COMPLETED]


def test_a_document_beyond_the_budget_fails_alone(
    worker: LaneWorker,
    submit: Submit,
    statuses: Statuses,
    database: Database,
    assert_exact: Check,
) -> None:
    owner = issue(database, budget_micros_month=4 * BATCH_PAGE_MICROS).key.owner
    ids = submit(one_page(1), THREE_PAGES, one_page(2), owner=owner)

    worker.work()

    assert statuses(ids) == AROUND_IT
    assert batching.documents(database, ids)[1].error_code == "budget_spent"
    assert_exact()
    with database.reading() as session:
        assert quotas.reserved(session, owner) == quotas.NOTHING


def test_a_document_beyond_its_cost_limit_fails_alone(
    worker: LaneWorker,
    submit: Submit,
    statuses: Statuses,
    database: Database,
    assert_exact: Check,
) -> None:
    options = Options(max_cost_micros=3 * BATCH_PAGE_MICROS - 1)
    ids = submit(one_page(1), THREE_PAGES, one_page(2), options=options)

    worker.work()

    assert statuses(ids) == AROUND_IT
    assert batching.documents(database, ids)[1].error_code == "cost_above_limit"
    assert_exact()
