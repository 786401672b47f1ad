"""The HTTP client below the SDK."""

from __future__ import annotations

from base64 import b64decode
from pathlib import Path

import pytest

from ilios.core.ids import is_id
from ilios.engines.base import Source
from ilios.engines.detection import media_types
from ilios.engines.mistral import http_client
from ilios.engines.mistral.http_client import BLOCK_BYTES, SOURCE_PLACEHOLDER, OcrCall

PROVIDER = "https://api.mistral.ai"


@pytest.fixture(autouse=True)
def _no_inherited_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.mark.parametrize(
    ("variables", "proxy"),
    [
        ({}, None),
        ({"https_proxy": "http://proxy:3128"}, "http://proxy:3128"),
        ({"https_proxy": "proxy:3128"}, "http://proxy:3128"),
        ({"all_proxy": "http://proxy:3128"}, "http://proxy:3128"),
        ({"http_proxy": "http://proxy:3128"}, None),
        ({"https_proxy": "http://proxy:3128", "no_proxy": "mistral.ai"}, None),
    ],
)
def test_the_proxy_of_the_environment_is_used(
    variables: dict[str, str], proxy: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    found = http_client._proxy_for(PROVIDER)

    assert (str(found.url) if found else None) == proxy


@pytest.mark.parametrize("size", [1, 2, 3, BLOCK_BYTES - 1, BLOCK_BYTES, 2 * BLOCK_BYTES + 1])
def test_the_document_replaces_the_placeholder(size: int, tmp_path: Path) -> None:
    content = bytes(place % 251 for place in range(size))
    path = tmp_path / "source"
    path.write_bytes(content)
    call = OcrCall(Source(path, media_types.PDF, "a.pdf"), lambda _answer: None)
    body = http_client._Body(call, f'{{"document_url":"{SOURCE_PLACEHOLDER}","model":"m"}}')

    blocks = [(block, call.is_sent) for block in body]
    sent = b"".join(block for block, _ in blocks)

    assert {too_early for _, too_early in blocks} == {False}
    assert call.is_sent
    assert len(sent) == body.length()
    before, _, rest = sent.partition(b"data:application/pdf;base64,")
    encoded, _, after = rest.partition(b'"')
    assert (before, after) == (b'{"document_url":"', b',"model":"m"}')
    assert b64decode(encoded, validate=True) == content


def test_the_id_of_a_file_replaces_the_placeholder() -> None:
    call = OcrCall(None, lambda _answer: None, file_id='a"b')
    body = http_client._Body(call, f'{{"file_id":"{SOURCE_PLACEHOLDER}"}}')

    assert b"".join(body) == rb'{"file_id":"a\"b"}'
    assert call.is_sent


def test_the_placeholder_is_one_that_no_schema_or_model_can_hold() -> None:
    call = OcrCall(None, lambda _answer: None, file_id="f")
    text = '{"model":"ilios:source","file_id":"%s","prompt":"ilios:source-"}'

    body = b"".join(http_client._Body(call, text % SOURCE_PLACEHOLDER))

    assert body == b'{"model":"ilios:source","file_id":"f","prompt":"ilios:source-"}'
    assert is_id(SOURCE_PLACEHOLDER.rpartition("-")[2])
