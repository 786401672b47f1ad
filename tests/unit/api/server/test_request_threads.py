"""Which threads a request gets."""

from __future__ import annotations

import pytest

from ilios.api.server.request_threads import RequestThreads
from tests.support.api_server import head


@pytest.fixture(scope="module")
def threads() -> RequestThreads:
    return RequestThreads(2)


def test_what_brings_a_body_gets_threads_of_uploads(threads: RequestThreads) -> None:
    upload = head("POST", "/v1/convert").encode()

    assert threads.of(upload, has_begun=False) is threads.uploads
    assert threads.of(upload, has_begun=True) is threads.reads  # its answer


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/health", "/metrics"])
def test_probes_and_scrapes_wait_for_no_turn(threads: RequestThreads, path: str) -> None:
    assert not threads.are_patient(threads.of(head("GET", path).encode(), has_begun=False))


@pytest.mark.parametrize("request_head", [head("GET", "/api/documents").encode(), b"GET /liv"])
def test_all_others_get_threads_of_reads(threads: RequestThreads, request_head: bytes) -> None:
    assert threads.of(request_head, has_begun=False) is threads.reads
    assert threads.are_patient(threads.reads)
