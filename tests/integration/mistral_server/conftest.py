"""One server process for all of these tests, emptied before each, and the real SDK."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator

import pytest
from mistralai.client import Mistral
from mistralai.client.models import OCRResponse

from tests.mistral_server.behaviour import API_KEY
from tests.mistral_server.process import MistralServer

MODEL = "mistral-ocr-latest"
Ocr = Callable[..., OCRResponse]


def data_url(content: bytes, mime_type: str = "application/pdf") -> str:
    return f"data:{mime_type};base64,{base64.b64encode(content).decode()}"


@pytest.fixture
def server(mistral_server: MistralServer) -> MistralServer:
    return mistral_server


@pytest.fixture(scope="package")
def client(mistral_process: MistralServer) -> Iterator[Mistral]:
    with Mistral(api_key=API_KEY, server_url=mistral_process.url, timeout_ms=60_000) as client:
        yield client


@pytest.fixture
def ocr(server: MistralServer, client: Mistral) -> Ocr:
    """Send a document inline."""

    def ocr(content: bytes, **options: object) -> OCRResponse:
        document = {"type": "document_url", "document_url": data_url(content)}
        given = {"model": MODEL, "include_blocks": False, **options}
        return client.ocr.process(document=document, **given)  # type: ignore[arg-type]

    return ocr


@pytest.fixture
def upload(server: MistralServer, client: Mistral) -> Callable[..., str]:
    """Upload a file; return its id."""

    def upload(content: bytes, name: str = "a.pdf", purpose: str = "ocr") -> str:
        file = {"file_name": name, "content": content}
        return client.files.upload(file=file, purpose=purpose).id  # type: ignore[arg-type]

    return upload


@pytest.fixture
def ocr_of(server: MistralServer, client: Mistral) -> Ocr:
    """Read a file that was uploaded."""

    def ocr_of(file_id: str, **options: object) -> OCRResponse:
        document = {"type": "file", "file_id": file_id}
        given = {"model": MODEL, "include_blocks": False, **options}
        return client.ocr.process(document=document, **given)  # type: ignore[arg-type]

    return ocr_of
