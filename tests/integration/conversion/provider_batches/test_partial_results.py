"""Documents in the batch lane that may lack pages."""

from __future__ import annotations

from typing import Any

import pytest

from ilios.conversion.provider_batches import input as batch_input
from ilios.db.database import Database
from ilios.db.models import CallState, DocumentStatus
from ilios.engines.base import Options
from tests.mistral_server.process import MistralServer
from tests.mistral_server.samples import pdf
from tests.support import batching
from tests.support.batching import Check, MakeWorker, Submit

pytestmark = pytest.mark.both_databases

SIGN = "Not this one."
HALF = Options(allow_partial=0.5)
REFUSAL: dict[str, Any] = {"on": "batch_line", "text": SIGN, "status": 422}


def document(pages: int, *refused: int) -> bytes:
    """Return a document whose pages with these numbers are refused."""
    texts = (
        f"Page {number}. {SIGN if number in refused else ''}" for number in range(1, pages + 1)
    )
    return pdf(*texts)


def texts(database: Database, document_id: str) -> list[str]:
    return [row.markdown for row in batching.pages(database, document_id)]


def test_pages_of_a_refused_line_are_sent_again_one_by_one(
    make_worker: MakeWorker,
    submit: Submit,
    provider: MistralServer,
    database: Database,
    assert_exact: Check,
) -> None:
    provider.control(faults=[REFUSAL])
    ids = submit(document(6, 2), document(1), options=HALF, split_pages=3)

    make_worker(split_pages=3).work()

    partial, whole = batching.documents(database, ids)
    assert partial.status is whole.status is DocumentStatus.COMPLETED
    assert (partial.failed_pages, whole.failed_pages) == ([[1, 1, "refused_by_provider"]], None)
    assert partial.page_count == 5
    assert [one["code"] for one in partial.warnings] == ["partial_result"]
    assert len(texts(database, partial.id)) == 5
    assert not any(SIGN in text for text in texts(database, partial.id))
    assert provider.stats().billed_batch_pages == 6
    assert_exact()


def test_more_failures_than_allowed_fail_the_document(
    make_worker: MakeWorker, submit: Submit, provider: MistralServer, database: Database,
    assert_exact: Check,
) -> None:  # fmt: skip
    provider.control(faults=[REFUSAL])
    (document_id,) = submit(document(6, 2, 3), options=Options(allow_partial=0.2), split_pages=3)

    make_worker(split_pages=3).work()

    (ended,) = batching.documents(database, [document_id])
    assert (ended.status, ended.error_code) == (DocumentStatus.FAILED, "too_many_pages_failed")
    assert len(texts(database, document_id)) == 4
    assert_exact()


def test_without_a_single_page_a_document_fails_with_its_own_reason(
    make_worker: MakeWorker, submit: Submit, provider: MistralServer, database: Database
) -> None:
    provider.control(faults=[REFUSAL])
    (document_id,) = submit(document(2, 1, 2), options=HALF)

    make_worker().work()

    (ended,) = batching.documents(database, [document_id])
    assert (ended.status, ended.error_code) == (DocumentStatus.FAILED, "refused_by_provider")


def test_too_many_pages_for_single_lines_fail_together(
    make_worker: MakeWorker, submit: Submit, provider: MistralServer, database: Database,
    assert_exact: Check, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(batch_input, "SINGLE_PAGES_MAX", 2)
    provider.control(faults=[REFUSAL])
    (document_id,) = submit(document(6, 2), options=HALF, split_pages=3)

    make_worker(split_pages=3).work()

    (ended,) = batching.documents(database, [document_id])
    assert ended.failed_pages == [[0, 2, "refused_by_provider"]]
    assert_exact()


def test_pages_that_no_round_brings_are_missing(
    make_worker: MakeWorker, submit: Submit, provider: MistralServer, database: Database,
    assert_exact: Check,
) -> None:  # fmt: skip
    provider.control(faults=[{**REFUSAL, "status": 500}])
    (document_id,) = submit(document(4, 2), options=HALF, split_pages=2)

    make_worker(split_pages=2).work()

    (ended,) = batching.documents(database, [document_id])
    assert ended.status is DocumentStatus.COMPLETED
    assert ended.failed_pages == [[1, 1, "provider_unavailable"]]
    assert len(texts(database, document_id)) == 3
    assert_exact()


def test_without_the_option_a_refused_line_fails_its_document(
    make_worker: MakeWorker, submit: Submit, provider: MistralServer, database: Database
) -> None:
    provider.control(faults=[REFUSAL])
    (document_id,) = submit(document(4, 2), split_pages=2)

    make_worker(split_pages=2).work()

    (ended,) = batching.documents(database, [document_id])
    assert (ended.status, ended.failed_pages) == (DocumentStatus.FAILED, None)
    assert sorted(batching.call_states(database)) == [CallState.REFUSED, CallState.SETTLED]
