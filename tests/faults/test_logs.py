"""The log of a whole service: one stream of JSON, in which a document can be followed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import requests
from pydantic import SecretStr

from ilios.core.settings import Settings
from tests.mistral_server.behaviour import API_KEY
from tests.mistral_server.process import MistralServer
from tests.mistral_server.samples import pdf
from tests.support.api_server import free_port, gunicorn
from tests.support.start_script import Start, StartScript
from tests.support.waiting import wait_until

KEY = "key-of-anna"
REQUEST_ID = "asked-at-night"
TRACE_ID, SPAN_ID = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
NAMES = {"X-Request-ID": REQUEST_ID, "traceparent": f"00-{TRACE_ID}-{SPAN_ID}-01"}
CANARY = "Kanarienvogel"
PAGE = f"<html><body><p>The {CANARY} sings.</p></body></html>".encode()
WAY_OF_A_DOCUMENT = {
    "web": ["document.accepted"],
    "worker-0": ["job.started", "call.settled", "document.completed", "job.completed"],
}
TIMEOUT_S = 40


@pytest.fixture
def in_json(settings: Settings) -> Settings:
    """Provide settings of the fewest processes, on a free port."""
    changes = {"log_format": "json", "port": free_port(), "worker_count": 1, "web_concurrency": 1}
    return settings.model_copy(update=changes)


class Client:
    """Somebody with a key."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}"
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {KEY}"

    def ask(self, method: str, path: str, **options: Any) -> requests.Response:
        answer = self._session.request(method, self._url + path, timeout=TIMEOUT_S, **options)
        assert answer.ok, answer.text
        return answer

    def convert(self, name: str, content: bytes, **headers: str) -> str:
        """Queue a document, and wait for its end; returns its id."""
        files = {"file": (name, content)}
        sent = self.ask("POST", "/api/documents/submit", files=files, headers=headers)
        document_id: str = sent.json()["id"]
        status = self.ask("GET", f"/api/documents/status/{document_id}?wait={TIMEOUT_S - 10}")
        assert status.json()["status"] == "completed", status.text
        return document_id


def events(script: StartScript) -> list[dict[str, Any]]:
    """Return every line that any process of the service has written."""
    return [json.loads(line) for line in script.lines]


def has_ended(script: StartScript, document_id: str) -> bool:
    """Return whether the worker has written the last line of a document's job."""
    return any("job.completed" in line and document_id in line for line in script.lines)


def names(found: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(event["process"], event["event"]) for event in found]


def test_every_line_of_a_service_is_an_event_and_a_document_can_be_followed(
    start: Start, in_json: Settings, mistral_server: MistralServer, tmp_path: Path
) -> None:
    changes = {
        "data_dir": tmp_path / "new",  # migrated by the start
        "api_key": SecretStr(KEY),
        "mistral_api_key": SecretStr(API_KEY),
        "mistral_server_url": mistral_server.url,
    }
    service = start(in_json.model_copy(update=changes))
    service.wait_until_ready()
    client = Client(in_json.port)

    document_id = client.convert(f"{CANARY}.pdf", pdf(CANARY), **NAMES)
    local_id = client.convert("page.html", PAGE)
    original = client.ask("GET", f"/api/documents/{document_id}/original")
    token = original.url.rpartition("/objects/")[2]
    client.ask("DELETE", f"/api/documents/{document_id}")
    client.ask("DELETE", f"/api/documents/{local_id}")
    # A worker that ends with its supervisor may have more to say of what it has committed.
    wait_until(lambda: all(has_ended(service, one) for one in (document_id, local_id)), TIMEOUT_S)
    service.child("supervisor").kill()
    assert service.wait() != 0

    found = events(service)
    assert [
        event for event in found if not {"timestamp", "level", "event", "process"} <= {*event}
    ] == []
    assert_followed(found, document_id, mistral_server)
    assert_answered(found)
    assert {"database.migrated", "worker.ready", "parser.started", "process.ended"} <= {
        event["event"] for event in found
    }
    assert ("worker-0", "job.completed") in names(of(found, document_id=local_id))
    assert token
    hidden = (KEY, API_KEY, CANARY, CANARY.lower(), token)
    assert [secret for secret in hidden if secret in service.log] == []


def assert_followed(found: list[dict[str, Any]], document_id: str, provider: MistralServer) -> None:
    """Check for the same ids from the request to the provider's call."""
    stations = {name for way in WAY_OF_A_DOCUMENT.values() for name in way}
    way = [event for event in found if event["event"] in stations]
    way = of(way, document_id=document_id)
    # The worker can begin before the web process has written its line of what it stored.
    by_process = {
        process: [event["event"] for event in of(way, process=process)]
        for process in {event["process"] for event in way}
    }
    assert by_process == WAY_OF_A_DOCUMENT
    assert {(event["request_id"], event["trace_id"]) for event in way} == {(REQUEST_ID, TRACE_ID)}
    sent = [call.traceparent or "" for call in provider.journal().calls if call.kind == "ocr"]
    (version, trace_id, span_id, flags) = sent[0].split("-")
    assert (version, trace_id, flags) == ("00", TRACE_ID, "01")
    assert span_id != SPAN_ID


def assert_answered(found: list[dict[str, Any]]) -> None:
    answered = [event for event in found if event["event"] == "request.answered"]
    (submitted,) = of(answered, request_id=REQUEST_ID)
    assert submitted["route"] == "/api/documents/submit"
    assert (submitted["method"], submitted["status"]) == ("POST", 202)
    assert submitted["bytes"] > 0
    assert submitted["duration_ms"] > 0
    assert len(submitted["owner"]) == 12
    assert "/objects/<token>" in {event["route"] for event in answered}
    assert not [event for event in answered if event["route"] in ("/readyz", "/health")]


def of(found: list[dict[str, Any]], **fields: str) -> list[dict[str, Any]]:
    """Return the events that have these fields."""
    return [event for event in found if fields.items() <= event.items()]


@pytest.mark.parametrize("cause", ["setting", "port", "database"])
def test_a_start_that_cannot_be_is_one_event_too(
    start: Start, in_json: Settings, mistral_server: MistralServer, tmp_path: Path, cause: str
) -> None:
    log = tmp_path / "start-0.log"
    if cause == "setting":
        start(in_json.model_copy(update={"worker_count": 0})).wait()
    elif cause == "port":
        taken = int(mistral_server.url.rpartition(":")[2])
        start(in_json.model_copy(update={"port": taken})).wait()
    else:
        in_json.database_path.unlink()
        gunicorn(in_json.model_copy(update={"log_level": "WARNING"}), log).wait(TIMEOUT_S)

    (event,) = map(json.loads, log.read_text().splitlines())
    assert (event["level"], event["event"]) == ("critical", "process.cannot_start")
    assert event["reason"]
