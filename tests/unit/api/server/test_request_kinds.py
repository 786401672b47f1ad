"""Which threads a request gets: probes have their own, however they are written."""

from __future__ import annotations

import pytest

from ilios.api.server import request_kinds


@pytest.mark.parametrize(
    "line",
    [
        b"GET /livez HTTP/1.1\r\n",
        b"GET /readyz?verbose=1 HTTP/1.1\r\n",
        b"HEAD /health HTTP/1.1\r\n",
        b"OPTIONS /livez HTTP/1.1\r\n",
        b"GET http://ilios:1337/livez HTTP/1.1\r\n",
        b"GET HTTPS://ilios/health?x HTTP/1.0\r\n",
    ],
)
def test_probes_are_known_in_every_form(line: bytes) -> None:
    assert request_kinds.is_probe(line)


@pytest.mark.parametrize(
    "line",
    [
        b"GET /livez/more HTTP/1.1\r\n",
        b"GET /livezz HTTP/1.1\r\n",
        b"GET //livez HTTP/1.1\r\n",
        b"GET /assets/x?/livez HTTP/1.1\r\n",
        b"GET http://x/assets?http://x/livez HTTP/1.1\r\n",
        b"GET /assets/livez HTTP/1.1\r\n",
        b"POST /livez HTTP/1.1\r\n",
        b"get /livez HTTP/1.1\r\n",
        b"\r\nGET /livez HTTP/1.1\r\n",
        b"GET /metrics HTTP/1.1\r\n",
    ],
)
def test_what_only_looks_like_a_probe_waits_with_the_others(line: bytes) -> None:
    assert not request_kinds.is_probe(line)


def test_only_livez_asks_for_nothing_but_an_answer() -> None:
    assert request_kinds.asks_for_life(b"HEAD /livez?x HTTP/1.1\r\n")
    assert not request_kinds.asks_for_life(b"GET /readyz HTTP/1.1\r\n")
    assert not request_kinds.asks_for_life(b"POST /livez HTTP/1.1\r\n")


def test_scrapes_are_no_probes() -> None:
    assert request_kinds.is_scrape(b"GET /metrics HTTP/1.1\r\n")
    assert request_kinds.is_scrape(b"HEAD http://x/metrics?y HTTP/1.1\r\n")
    assert not request_kinds.is_scrape(b"GET /metricsx HTTP/1.1\r\n")


def test_only_a_request_with_a_body_can_hold_the_threads_of_uploads() -> None:
    assert request_kinds.brings_body(b"PUT /objects/x HTTP/1.1\r\n")
    assert not request_kinds.brings_body(b"GET /objects/x HTTP/1.1\r\n")
