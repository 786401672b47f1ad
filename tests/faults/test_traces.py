"""Traces of a whole service: one from the request to the webhook, over real processes."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from pydantic import SecretStr

from ilios.core.settings import Settings
from ilios.db.database import Database
from tests.mistral_server.behaviour import API_KEY
from tests.mistral_server.process import MistralServer
from tests.mistral_server.samples import pdf
from tests.support import documents
from tests.support.api_server import free_port
from tests.support.collecting import Collector, TakenSpan, collecting
from tests.support.forking import start_python
from tests.support.migrating import environment
from tests.support.receivers import SECRET, Receiver, receiving
from tests.support.start_script import Start, StartScript
from tests.support.supervising import SupervisorProcess
from tests.support.waiting import wait_until

KEY = "key-of-anna"
REQUEST_ID = "asked-at-night"
TRACE_ID, SPAN_ID = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
NAMES = {"X-Request-ID": REQUEST_ID, "traceparent": f"00-{TRACE_ID}-{SPAN_ID}-01"}
CANARY = "Kanarienvogel"
TIMEOUT_S = 60
AT_THE_STOP_MS = 60_000  #: long enough that only a stop sends
SOON_MS = 100


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def traced(settings: Settings, collector: Collector, receiver: Receiver) -> Settings:
    """Provide settings of a service whose processes send their spans when they stop."""
    changes = {
        "log_format": "json",
        "port": free_port(),
        "worker_count": 1,
        "web_concurrency": 2,
        "api_key": SecretStr(KEY),
        "webhook_secret": SecretStr(SECRET),
        "url_allow": receiver.authority,
        "otel_exporter_otlp_endpoint": collector.url,
        "otel_bsp_schedule_delay": AT_THE_STOP_MS,
    }
    return settings.model_copy(update=changes)


def convert(service: StartScript, receiver: Receiver) -> str:
    """Queue a document whose end is an event, and wait for that; return its id."""
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {KEY}"
    sent = session.post(
        f"http://127.0.0.1:{service.port}/api/documents/submit",
        files={"file": (f"{CANARY}.pdf", pdf(CANARY))},
        data={"webhookUrl": receiver.url},
        headers=NAMES,
        timeout=TIMEOUT_S,
    )
    assert sent.status_code == 202, sent.text
    wait_until(lambda: receiver.received, TIMEOUT_S)
    assert receiver.received[0].event["type"] == "document.completed"
    document_id: str = sent.json()["id"]
    return document_id


def stop(service: StartScript) -> None:
    service.process.terminate()
    assert service.wait() == 0


def by_name(found: list[TakenSpan]) -> dict[str, TakenSpan]:
    assert len({one.name for one in found}) == len(found), [one.name for one in found]
    return {one.name: one for one in found}


def lines(service: StartScript) -> list[dict[str, Any]]:
    return [json.loads(line) for line in service.lines]


def test_a_document_is_one_trace_from_its_request_to_its_webhook(
    start: Start, traced: Settings, collector: Collector, receiver: Receiver
) -> None:
    service = start(traced)
    service.wait_until_ready()

    document_id = convert(service, receiver)
    stop(service)

    found = by_name(collector.of(TRACE_ID))
    submitted = "POST /api/documents/submit"
    parents = {
        submitted: SPAN_ID,
        "submit": found[submitted].span_id,
        "claim": found["submit"].span_id,
        "convert": found["submit"].span_id,
        "parse": found["convert"].span_id,
        "record": found["convert"].span_id,
        "POST": found["submit"].span_id,
    }
    assert {name: one.parent_id for name, one in found.items()} == parents
    assert {name: (one.kind, one.process) for name, one in found.items()} == {
        submitted: ("SERVER", "web"),
        "submit": ("PRODUCER", "web"),
        "claim": ("INTERNAL", "worker-0"),
        "convert": ("CONSUMER", "worker-0"),
        "parse": ("INTERNAL", "worker-0"),
        "record": ("INTERNAL", "worker-0"),
        "POST": ("CLIENT", "worker-0"),
    }
    assert not [one.name for one in found.values() if one.has_failed]
    assert [one.name for one in found.values() if one.ended_ns < one.began_ns] == []
    assert receiver.received[0].headers["traceparent"] == found["POST"].traceparent
    assert_said(found, document_id, receiver)
    assert_followed(service, document_id)
    assert_nothing_private(collector, receiver)


def assert_said(found: dict[str, TakenSpan], document_id: str, receiver: Receiver) -> None:
    """Check the attributes, those of other spans than the request's as a whole."""
    asked = found["POST /api/documents/submit"].attributes
    assert asked | {"ilios.owner": "", "ilios.key_id": ""} == {
        "http.request.method": "POST",
        "http.route": "/api/documents/submit",
        "http.response.status_code": 202,
        "url.scheme": "http",
        "ilios.request_id": REQUEST_ID,
        "ilios.owner": "",
        "ilios.key_id": "",
    }
    assert len(asked["ilios.owner"]) == 12
    assert found["submit"].attributes == {"ilios.document.id": document_id}
    job_id = found["claim"].attributes["ilios.job.id"]
    assert found["convert"].attributes == {
        "ilios.job.id": job_id,
        "ilios.document.id": document_id,
    }
    assert found["parse"].attributes == {
        "code.function.name": "ilios.engines.embedded.parsing.answer"
    }
    assert found["record"].attributes == {"ilios.pages": 1}
    told = receiver.received[0]
    host, _, port = receiver.authority.partition(":")
    assert found["POST"].attributes == {
        "http.request.method": "POST",
        "http.response.status_code": 204,
        "server.address": host,
        "server.port": int(port),
        "ilios.event": "document.completed",
        "ilios.event.id": told.event_id,
        "ilios.attempt": 1,
        "ilios.document.id": document_id,
    }


def assert_followed(service: StartScript, document_id: str) -> None:
    """Check that the lines about a document, that of its webhook too, have the trace's id."""
    about = [line for line in lines(service) if line.get("document_id") == document_id]
    assert {"document.accepted", "job.completed", "webhook.delivered"} <= {
        line["event"] for line in about
    }
    assert {(line["trace_id"], line["request_id"]) for line in about} == {(TRACE_ID, REQUEST_ID)}


def assert_nothing_private(collector: Collector, receiver: Receiver) -> None:
    """Check all that was sent, of all traces, for contents, names, keys and paths."""
    sent = b"".join(collector.bodies)
    path = receiver.url.partition(receiver.authority)[2]
    for private in (CANARY, CANARY.lower(), KEY, SECRET, path, "hidden"):
        assert private.encode() not in sent


def test_calls_to_the_provider_are_spans_that_it_is_told_of(
    start: Start,
    traced: Settings,
    collector: Collector,
    receiver: Receiver,
    mistral_server: MistralServer,
) -> None:
    changes = {
        "mistral_api_key": SecretStr(API_KEY),
        "mistral_server_url": mistral_server.url,
    }
    service = start(traced.model_copy(update=changes))
    service.wait_until_ready()

    convert(service, receiver)
    stop(service)

    found = collector.of(TRACE_ID)
    calls = [one for one in found if one.attributes.get("server.port") == port_of(mistral_server)]
    (called,) = [one for one in calls if one.attributes["url.full"].endswith("/v1/ocr")]
    (converted,) = [one for one in found if one.name == "convert"]
    assert (called.kind, called.parent_id) == ("CLIENT", converted.span_id)
    assert called.attributes == {
        "http.request.method": "POST",
        "http.response.status_code": 200,
        "server.address": "127.0.0.1",
        "server.port": port_of(mistral_server),
        "url.full": f"{mistral_server.url}/v1/ocr",
    }
    told = [call.traceparent for call in mistral_server.journal().calls if call.kind == "ocr"]
    assert told == [called.traceparent]
    assert API_KEY.encode() not in b"".join(collector.bodies)
    assert_nothing_private(collector, receiver)


def port_of(server: MistralServer) -> int:
    return int(server.url.rpartition(":")[2])


def test_the_provider_is_told_nothing_where_that_is_set(
    start: Start,
    traced: Settings,
    collector: Collector,
    receiver: Receiver,
    mistral_server: MistralServer,
) -> None:
    changes = {
        "mistral_api_key": SecretStr(API_KEY),
        "mistral_server_url": mistral_server.url,
        "mistral_traceparent": False,
    }
    service = start(traced.model_copy(update=changes))
    service.wait_until_ready()

    convert(service, receiver)
    stop(service)

    assert {call.traceparent for call in mistral_server.journal().calls} == {None}
    urls = [one.attributes.get("url.full", "") for one in collector.of(TRACE_ID)]
    assert f"{mistral_server.url}/v1/ocr" in urls


@pytest.mark.parametrize("is_there", [False, True], ids=["nobody listens", "it is silent"])
def test_a_dead_collector_is_in_nobodys_way(
    start: Start, traced: Settings, receiver: Receiver, is_there: bool
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        if not is_there:
            silent.close()
        url = f"http://127.0.0.1:{free_port()}"
        if is_there:
            url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        changes = {
            "otel_exporter_otlp_endpoint": url,
            "otel_exporter_otlp_timeout": 1000,
            "otel_bsp_schedule_delay": SOON_MS,
        }
        service = start(traced.model_copy(update=changes))
        service.wait_until_ready()

        convert(service, receiver)
        wait_until(lambda: "traces.not_sent" in service.log, TIMEOUT_S)
        stop(service)

    told = [line for line in lines(service) if line["event"] == "traces.not_sent"]
    assert len(told) == len({line["pid"] for line in told})
    assert [line for line in lines(service) if line["level"] in ("error", "critical")] == []


def test_the_next_worker_sends_spans_too_and_so_do_processes_started_apart(
    start_supervisor: Callable[..., SupervisorProcess],
    settings: Settings,
    database: Database,
    collector: Collector,
) -> None:
    changes = {
        "otel_exporter_otlp_endpoint": collector.url,
        "otel_bsp_schedule_delay": SOON_MS,
        "worker_count": 1,
    }
    supervisor = start_supervisor("echo", **changes)
    documents.add_document(database, settings=settings)
    wait_until(lambda: workers_seen(collector) == 1, TIMEOUT_S)
    (worker,) = supervisor.workers

    worker.kill()
    wait_until(lambda: [one for one in supervisor.workers if one.pid != worker.pid], TIMEOUT_S)
    documents.add_document(database, settings=settings)

    wait_until(lambda: workers_seen(collector) == 2, TIMEOUT_S)
    assert len({one.trace_id for one in collector.spans}) == 2


def workers_seen(collector: Collector) -> int:
    """Return how many processes have sent the span of a job."""
    converted = [one for one in collector.spans if one.name == "convert"]
    return len({one.resource["service.instance.id"] for one in converted})


WITHOUT = """
import sys
sys.modules["opentelemetry.exporter"] = None
from ilios.launch import main
main()
"""


def test_a_start_without_the_extra_is_one_line_with_the_remedy(
    traced: Settings, tmp_path: Path
) -> None:
    log = tmp_path / "start.log"
    with log.open("wb") as stream:
        code = start_python("-c", WITHOUT, environment=environment(traced), stdout=stream).wait(
            TIMEOUT_S
        )

    (line,) = map(json.loads, log.read_text().splitlines())
    assert code == 1
    assert line["event"] == "process.cannot_start"
    assert "pip install 'ilios[otel]'" in line["reason"]
