"""One document through each dialect, as its clients send it, and through `/v1/convert`."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from bench.service import BOUNDARY, Service

JSON = {"Content-Type": "application/json"}
PDF = {"Content-Type": "application/pdf"}
FORM = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
UNDER_WAY = frozenset({"pending", "started", "notStarted", "running"})
POLL_WAIT_S = 5
POLL_SECONDS = 0.2  #: less than the SDK's, whose least is a second
AZURE = "/documentintelligence/documentModels/prebuilt-read:analyze?api-version=2024-11-30"
Act = Callable[["Caller", bytes], None]


class Caller:
    """A client with one connection that it keeps."""

    def __init__(self, service: Service) -> None:
        self._connection = service.connect()

    def send(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> bytes:
        """Return the body of the answer. Raises RuntimeError for any but a 2xx."""
        return self.answered(method, path, body, headers)[1]

    def answered(
        self, method: str, path: str, body: bytes, headers: dict[str, str]
    ) -> tuple[dict[str, str], bytes]:
        """Return the headers, too."""
        self._connection.request(method, path, body, headers)
        answer = self._connection.getresponse()
        content = answer.read()
        if not 200 <= answer.status < 300:
            raise RuntimeError(f"{path} was answered with {answer.status}: {content[:500]!r}")
        return dict(answer.getheaders()), content

    def get(self, path: str) -> Any:
        return json.loads(self.send("GET", path, b"", {}))


@dataclass(frozen=True, slots=True)
class Call:
    """A way to convert a document, and the one of `/v1/convert` that it is held against."""

    act: Act
    beside: Act


def convert(caller: Caller, content: bytes) -> None:
    caller.send("POST", "/v1/convert", _form("file", content), FORM)


def convert_with_blocks(caller: Caller, content: bytes) -> None:
    caller.send("POST", "/v1/convert", _form("file", content, [("include", "blocks")]), FORM)


def mistral(caller: Caller, content: bytes) -> None:
    asked = {
        "model": "mistral-ocr-latest",
        "document": {"type": "document_url", "document_url": _data_url(content)},
        "include_image_base64": False,
    }
    _expect(caller.send("POST", "/v1/ocr", json.dumps(asked).encode(), JSON), b'"markdown"')


def mistral_files(caller: Caller, content: bytes) -> None:
    """Upload, link, OCR and delete, as the SDK and Open WebUI do."""
    form = _form("file", content, [("purpose", "ocr")])
    file_id = json.loads(caller.send("POST", "/v1/files", form, FORM))["id"]
    link = caller.get(f"/v1/files/{file_id}/url?expiry=1")["url"]
    asked = {
        "model": "mistral-ocr-latest",
        "document": {"type": "document_url", "document_url": link},
        "include_image_base64": False,
    }
    _expect(caller.send("POST", "/v1/ocr", json.dumps(asked).encode(), JSON), b'"markdown"')
    caller.send("DELETE", f"/v1/files/{file_id}", b"", {})


def docling(caller: Caller, content: bytes) -> None:
    form = _form("files", content, [("to_formats", "md")])
    _expect(caller.send("POST", "/v1/convert/file", form, FORM), b'"success"')


def docling_json(caller: Caller, content: bytes) -> None:
    form = _form("files", content, [("to_formats", "md"), ("to_formats", "json")])
    _expect(caller.send("POST", "/v1/convert/file", form, FORM), b'"DoclingDocument"')


def docling_async(caller: Caller, content: bytes) -> None:
    form = _form("files", content, [("to_formats", "md")])
    task = json.loads(caller.send("POST", "/v1/convert/file/async", form, FORM))
    while task["task_status"] in UNDER_WAY:
        task = caller.get(f"/v1/status/poll/{task['task_id']}?wait={POLL_WAIT_S}")
    _expect(caller.send("GET", f"/v1/result/{task['task_id']}", b"", {}), b'"success"')


def docling_source(caller: Caller, content: bytes) -> None:
    source = {
        "kind": "file",
        "filename": "document.pdf",
        "base64_string": base64.b64encode(content).decode(),
    }
    asked = {"options": {"to_formats": ["md"]}, "sources": [source]}
    body = json.dumps(asked).encode()
    _expect(caller.send("POST", "/v1/convert/source", body, JSON), b'"success"')


def open_webui(caller: Caller, content: bytes) -> None:
    named = PDF | {"X-Filename": "document.pdf"}
    _expect(caller.send("PUT", "/v1/openwebui/process", content, named), b'"page_content"')


def tika(caller: Caller, content: bytes) -> None:
    _expect(caller.send("PUT", "/tika/text", content, PDF), b'"X-TIKA:content"')


def unstructured(caller: Caller, content: bytes) -> None:
    form = _form("files", content, [("strategy", "fast")])
    _expect(caller.send("POST", "/general/v0/general", form, FORM), b'"element_id"')


def azure(caller: Caller, content: bytes) -> None:
    asked = {"base64Source": base64.b64encode(content).decode()}
    headers, _ = caller.answered("POST", AZURE, json.dumps(asked).encode(), JSON)
    place = urlsplit({name.lower(): value for name, value in headers.items()}["operation-location"])
    path = f"{place.path}?{place.query}"
    while (operation := caller.get(path))["status"] in UNDER_WAY:
        time.sleep(POLL_SECONDS)
    if operation["status"] != "succeeded":
        raise RuntimeError(str(operation)[:500])


def mineru(caller: Caller, content: bytes) -> None:
    form = _form("files", content, [("return_md", "true")])
    _expect(caller.send("POST", "/file_parse", form, FORM), b'"md_content"')


CALLS: dict[str, Call] = {
    "Mistral, inline": Call(mistral, convert),
    "Mistral, four calls": Call(mistral_files, convert),
    "docling-serve": Call(docling, convert),
    "docling-serve, JSON": Call(docling_json, convert_with_blocks),
    "docling-serve, async": Call(docling_async, convert),
    "Open WebUI": Call(open_webui, convert),
    "Tika": Call(tika, convert),
    "Unstructured": Call(unstructured, convert),
    "Azure": Call(azure, convert_with_blocks),
    "MinerU": Call(mineru, convert),
}
"""Those that show blocks are held against a conversion that shows them, too."""

BASE64_CALLS: dict[str, Act] = {
    "Mistral": mistral,
    "docling-serve": docling_source,
    "Azure": azure,
}


def _form(field: str, content: bytes, values: Iterable[tuple[str, str]] = ()) -> bytes:
    head = "".join(
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in values
    )
    head += (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{field}"; '
        'filename="document.pdf"\r\nContent-Type: application/pdf\r\n\r\n'
    )
    return head.encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()


def _data_url(content: bytes) -> str:
    return "data:application/pdf;base64," + base64.b64encode(content).decode()


def _expect(answer: bytes, mark: bytes) -> None:
    if mark not in answer:
        raise RuntimeError(f"no {mark!r} in {answer[:500]!r}")
