"""Lines that fail, and the status of their documents."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from mistralai.client import Mistral

from ilios.db.database import Database
from ilios.db.models import CallState, DocumentStatus
from ilios.engines.base import Options
from ilios.engines.mistral.batch.jobs import Batches
from ilios.engines.mistral.batch.lines import LineAnswer
from ilios.engines.page_selection import PageSelection
from tests.mistral_server.behaviour import API_KEY
from tests.mistral_server.process import MistralServer
from tests.mistral_server.samples import pdf
from tests.support import batching
from tests.support.batching import (
    TOO_LARGE_FOR_A_LINE,
    Check,
    LaneWorker,
    Statuses,
    Submit,
    one_page,
)

pytestmark = pytest.mark.both_databases

COMPLETED = DocumentStatus.COMPLETED
FAILED = DocumentStatus.FAILED


def test_a_refused_line_fails_its_document_alone(
    worker: LaneWorker,
    submit: Submit,
    provider: MistralServer,
    database: Database,
    assert_exact: Check,
) -> None:
    refusal = {"on": "batch_line", "text": "number 1.", "error": "document_parser_invalid_file"}
    provider.control(faults=[refusal])
    ids = submit(*(one_page(number) for number in range(3)))

    worker.work()

    found = batching.documents(database, ids)
    assert [document.status for document in found] == [COMPLETED, FAILED, COMPLETED]
    assert found[1].error_code == "corrupt_document"
    assert "Document is not a valid PDF" in (found[1].error or "")
    assert sorted(batching.call_states(database)) == ["refused", "settled", "settled"]
    assert_exact()


def test_a_document_that_cannot_be_planned_is_never_sent(
    worker: LaneWorker,
    submit: Submit,
    provider: MistralServer,
    database: Database,
) -> None:
    options = Options(pages=PageSelection.parse("2"))
    ids = submit(one_page(1), pdf("One", "Two"), options=options)

    worker.work()

    found = batching.documents(database, ids)
    assert [document.status for document in found] == [FAILED, COMPLETED]
    assert found[0].error_code == "pages_out_of_range"
    assert provider.stats().calls["batch_line"] == 1


def test_a_batch_of_nothing_but_broken_documents_ends_unsent(
    worker: LaneWorker, submit: Submit, provider: MistralServer, database: Database
) -> None:
    options = Options(pages=PageSelection.parse("2"))
    ids = submit(one_page(1), one_page(2), options=options)

    worker.work()

    assert {one.error_code for one in batching.documents(database, ids)} == {"pages_out_of_range"}
    assert "batch" not in provider.stats().calls
    assert batching.calls(database) == []


@pytest.mark.parametrize("status", [429, 500, 503])
def test_lines_that_may_succeed_later_go_into_another_round(
    worker: LaneWorker,
    submit: Submit,
    provider: MistralServer,
    database: Database,
    statuses: Statuses,
    assert_exact: Check,
    status: int,
) -> None:
    fault = {"on": "batch_line", "text": "number 1.", "status": status, "first": 1}
    provider.control(faults=[fault])
    ids = submit(*(one_page(number) for number in range(3)))

    worker.work()

    assert statuses(ids) == [COMPLETED] * 3
    assert provider.stats().calls["batch_line"] == 4
    assert batching.batch(database).round == 2
    assert_exact()


def test_the_third_round_is_the_last(
    worker: LaneWorker,
    submit: Submit,
    provider: MistralServer,
    database: Database,
    assert_exact: Check,
) -> None:
    provider.control(faults=[{"on": "batch_line", "text": "number 1.", "status": 503}])
    ids = submit(*(one_page(number) for number in range(2)))

    worker.work()

    good, bad = batching.documents(database, ids)
    assert (good.status, bad.status) == (COMPLETED, FAILED)
    assert bad.error_code == "provider_unavailable"
    assert "3 batches" in (bad.error or "")
    assert provider.stats().calls["batch"] == 3
    assert_exact()


def test_an_uploaded_document_that_vanished_is_sent_again(
    worker: LaneWorker,
    submit: Submit,
    provider: MistralServer,
    statuses: Statuses,
    assert_exact: Check,
) -> None:
    provider.control(batch_queued_ms=60_000, vanished_file=3310)
    ids = submit(one_page(1, TOO_LARGE_FOR_A_LINE), one_page(2))
    worker.step()
    mistral = Mistral(api_key=API_KEY, server_url=provider.url)
    (document,) = [file for file in provider.journal().files if file.purpose == "ocr"]

    mistral.files.delete(file_id=document.id)
    provider.control(batch_queued_ms=0)
    worker.work()

    assert statuses(ids) == [COMPLETED, COMPLETED]
    assert_exact()


def test_pages_that_are_left_out_are_asked_for_again(
    worker: LaneWorker,
    submit: Submit,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    provider: MistralServer,
) -> None:
    whole = Batches.answers
    rounds = iter([(2, 3), ()])

    def answers(lane: Batches, *arguments: Any) -> Iterator[LineAnswer]:
        missing = next(rounds)
        for line in whole(lane, *arguments):
            body = json.loads(line.answer)
            body["pages"] = [page for page in body["pages"] if page["index"] not in missing]
            yield LineAnswer(line.custom_id, json.dumps(body).encode())

    monkeypatch.setattr(Batches, "answers", answers)
    (document_id,) = submit(pdf(*(f"Page {number}" for number in range(5))))

    worker.work()

    found = [page.markdown for page in batching.pages(database, document_id)]
    assert found == [f"Page {number}" for number in range(5)]
    assert [call.expected_pages for call in batching.calls(database)] == [5, 2]
    assert provider.stats().billed_batch_pages == 7


def test_pages_that_never_come_fail_the_document_after_three_rounds(
    worker: LaneWorker, submit: Submit, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Batches.answers

    def answers(lane: Batches, *arguments: Any) -> Iterator[LineAnswer]:
        for line in whole(lane, *arguments):
            body = {**json.loads(line.answer), "pages": []}
            yield LineAnswer(line.custom_id, json.dumps(body).encode())

    monkeypatch.setattr(Batches, "answers", answers)
    (document_id,) = submit(one_page(1))

    worker.work()

    (document,) = batching.documents(database, [document_id])
    assert (document.status, document.error_code) == (FAILED, "pages_missing")
    assert batching.call_states(database) == [CallState.SETTLED] * 3


def test_lines_of_others_and_lines_that_come_again_are_told_once(
    worker: LaneWorker,
    submit: Submit,
    provider: MistralServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    whole = Batches.answers

    def answers(lane: Batches, *arguments: Any) -> Iterator[LineAnswer]:
        for line in whole(lane, *arguments):
            yield from [line] * 20
            yield from [LineAnswer("somebody", b"{}")] * 20

    monkeypatch.setattr(Batches, "answers", answers)
    refusal = {"on": "batch_line", "text": "number 0.", "error": "document_parser_invalid_file"}
    provider.control(faults=[refusal])
    submit(one_page(0), one_page(1))

    worker.work()

    logged = capsys.readouterr().out
    assert logged.count("batch.document_failed") == 1
    assert logged.count("batch.line_unknown") == 1
