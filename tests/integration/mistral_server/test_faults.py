"""Faults on demand, as the SDK meets them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest
from mistralai.client import Mistral, errors

from tests.integration.mistral_server.conftest import MODEL, Ocr, data_url
from tests.mistral_server import samples
from tests.mistral_server.behaviour import API_KEY, Fault
from tests.mistral_server.process import MistralServer
from tests.support.waiting import wait_until

PDF = samples.pdf("One", "Two", "Three")
OTHER_PDF = samples.pdf("Another")


def test_the_first_tries_of_each_document_can_fail(ocr: Ocr, server: MistralServer) -> None:
    server.control(faults=[Fault(on="ocr", first=2, status=(429, 503), retry_after="1")])

    for document in (PDF, OTHER_PDF):
        with pytest.raises(errors.SDKError) as slow_down:
            ocr(document)
        with pytest.raises(errors.SDKError) as unavailable:
            ocr(document)
        ocr(document)

    assert slow_down.value.headers["retry-after"] == "1"
    assert "rate_limited" in slow_down.value.body
    assert unavailable.value.headers["content-type"].startswith("text/plain")
    assert server.stats().billed_pages == 4
    assert server.stats().statuses == {"429": 2, "503": 2, "200": 2}


def test_a_rule_can_be_for_some_documents_and_some_calls(ocr: Ocr, server: MistralServer) -> None:
    server.control(
        faults=[
            Fault(on="ocr", text="Another", error="document_parser_invalid_file"),
            Fault(on="ocr", every=2, times=1, status=500),
        ]
    )

    with pytest.raises(errors.SDKError, match="3740"):
        ocr(OTHER_PDF)
    ocr(PDF)
    with pytest.raises(errors.SDKError) as second:
        ocr(PDF)
    ocr(PDF)
    ocr(PDF)
    assert second.value.status_code == 500


@pytest.mark.parametrize(
    ("kind", "raised", "billed"),
    [
        ("reset_before", httpx2.ReadError, 0),
        ("reset_after", httpx2.ReadError, 3),
        ("cut", httpx2.RemoteProtocolError, 3),
        ("truncate", errors.ResponseValidationError, 3),
        ("wrong_json", errors.ResponseValidationError, 3),
    ],
)
def test_a_broken_answer_may_have_been_billed(
    ocr: Ocr, server: MistralServer, kind: str, raised: type[Exception], billed: int
) -> None:
    server.control(faults=[{"on": "ocr", "kind": kind, "first": 1}])

    with pytest.raises(raised):
        ocr(PDF)

    assert server.stats().billed_pages == billed
    assert server.journal().calls[0].fault == kind
    assert len(ocr(PDF).pages) == 3


def test_pages_can_be_missing(ocr: Ocr, server: MistralServer) -> None:
    server.control(
        faults=[
            Fault(on="ocr", kind="too_few_pages", missing=2, times=1),
            Fault(on="ocr", kind="no_pages"),
        ]
    )

    few, none = ocr(PDF), ocr(PDF)

    assert [page.index for page in few.pages] == [0]
    assert few.usage_info.pages_processed == 1
    assert none.pages == []
    assert server.stats().billed_pages == 1


def test_a_call_can_hang_or_trickle(server: MistralServer) -> None:
    server.control(
        faults=[
            Fault(on="ocr", kind="hang", billed=True, times=1),
            Fault(on="ocr", kind="trickle", interval_ms=1),
        ]
    )
    document = {"type": "document_url", "document_url": data_url(PDF)}
    with Mistral(api_key=API_KEY, server_url=server.url, timeout_ms=3_000) as hasty:

        def call() -> int:
            answer = hasty.ocr.process(model=MODEL, document=document)
            return len(answer.pages)

        with pytest.raises(httpx2.ReadTimeout):
            call()
        assert call() == 3
        # Before the client closes: the server may still be at the end of what was read.
        wait_until(lambda: server.stats().in_flight == 0, timeout_s=20)

    assert server.stats().statuses == {"none": 1, "200": 1}


def test_latency_and_calls_in_flight_are_as_told(ocr: Ocr, server: MistralServer) -> None:
    server.control(latency_ms=60_000)
    with ThreadPoolExecutor(4) as callers:
        answers = callers.map(lambda _: ocr(PDF), range(8))
        wait_until(lambda: server.stats().in_flight == 4, timeout_s=20)
        server.control(latency_ms=[150, 200])
        list(answers)

    journal = server.journal()
    assert journal.stats.peak_in_flight == 4
    assert all((call.seconds or 0) >= 0.15 for call in journal.calls)
    assert [call.number for call in journal.calls] == list(range(8))


@pytest.mark.parametrize(
    "wrong",
    [
        {"latency": 5},
        {"faults": [{"on": "ocr", "often": 2}]},
        {"faults": [{"on": "upload", "kind": "no_pages"}]},
    ],
)
def test_a_wish_that_is_not_known_is_an_error(
    server: MistralServer, wrong: dict[str, object]
) -> None:
    with pytest.raises(ValueError):
        server.control(**wrong)
