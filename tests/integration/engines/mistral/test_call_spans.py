"""Spans of calls: what they say, and what the provider is told of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from ilios.core.conversion_errors import ProviderUnavailable
from ilios.core.telemetry.spans import EndedSpan, Kind
from ilios.engines.base import Conversion, Part
from ilios.engines.detection import media_types
from tests.integration.engines.conftest import OpenEngine
from tests.mistral_server.process import MistralServer
from tests.support import sample_files
from tests.support.recording import CAME, TRACE, asked, recording

MakePart = Callable[..., Part]
Convert = Callable[..., Conversion]

ONE_PAGE = sample_files.pdf(sample_files.text("Page one"))


@pytest.fixture
def ended() -> Iterator[list[EndedSpan]]:
    with recording() as found, asked():
        yield found


def told(server: MistralServer) -> list[str | None]:
    return [call.traceparent for call in server.journal().calls]


def test_a_call_is_a_span_that_the_provider_is_told_of(
    mistral_server: MistralServer,
    open_engine: OpenEngine,
    make_part: MakePart,
    convert: Convert,
    ended: list[EndedSpan],
) -> None:
    convert(open_engine(mistral_server.url), make_part(ONE_PAGE))

    (call,) = ended
    assert (call.name, call.kind, call.parent) == ("POST", Kind.CLIENT, CAME)
    assert call.attributes == {
        "http.request.method": "POST",
        "http.response.status_code": 200,
        "server.address": "127.0.0.1",
        "server.port": int(mistral_server.url.rpartition(":")[2]),
        "url.full": f"{mistral_server.url}/v1/ocr",
    }
    assert told(mistral_server) == [call.traceparent]


def test_each_request_for_a_file_is_a_span_of_its_own(
    mistral_server: MistralServer,
    open_engine: OpenEngine,
    make_part: MakePart,
    convert: Convert,
    ended: list[EndedSpan],
) -> None:
    convert(open_engine(mistral_server.url), make_part(b"a,b\n1,2\n", media_types.CSV))

    assert [call.name for call in ended] == ["POST", "POST", "DELETE"]
    assert told(mistral_server) == [call.traceparent for call in ended]
    assert {call.parent for call in ended} == {CAME}


def test_a_refused_call_has_failed_by_its_status(
    mistral_server: MistralServer,
    open_engine: OpenEngine,
    make_part: MakePart,
    convert: Convert,
    ended: list[EndedSpan],
) -> None:
    mistral_server.control(faults=[{"on": "ocr", "kind": "status", "status": 503}])

    with pytest.raises(ProviderUnavailable):
        convert(open_engine(mistral_server.url), make_part(ONE_PAGE))

    (call,) = ended
    assert call.attributes["http.response.status_code"] == 503
    assert call.attributes["error.type"] == "503"


def test_the_provider_is_told_nothing_where_that_is_set(
    mistral_server: MistralServer,
    open_engine: OpenEngine,
    make_part: MakePart,
    convert: Convert,
    ended: list[EndedSpan],
) -> None:
    engine = open_engine(mistral_server.url, mistral_traceparent=False)

    convert(engine, make_part(ONE_PAGE))

    assert told(mistral_server) == [None]
    assert len(ended) == 1


def test_without_spans_a_call_carries_on_with_the_trace_all_the_same(
    mistral_server: MistralServer,
    open_engine: OpenEngine,
    make_part: MakePart,
    convert: Convert,
) -> None:
    with asked():
        convert(open_engine(mistral_server.url), make_part(ONE_PAGE))

    (traceparent,) = told(mistral_server)
    assert traceparent is not None
    assert traceparent.split("-")[1] == TRACE
    assert traceparent != CAME
