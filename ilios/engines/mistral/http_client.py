"""The HTTP client below the SDK: streams request bodies from files, and keeps raw responses.

The SDK would put a document into a string, validate, escape and copy it, and discard a response
that does not fit its types. So it makes a draft of an OCR call, with a placeholder for the
document, and the draft serves all calls that ask for the same: here the document is inserted, block
by block, and the response is kept as it came.
"""

from __future__ import annotations

import json
import os
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx2
from mistralai.client.errors import SDKError

from ilios.core import failpoints, ids
from ilios.core.telemetry import spans, tracing
from ilios.core.telemetry.spans import Kind, Span
from ilios.engines.base import Keep, Source
from ilios.engines.mistral.answer_limits import ANSWER_MAX_BYTES, ERROR_MAX_BYTES, LIST_MAX_BYTES
from ilios.engines.mistral.connections import Connections

SOURCE_PLACEHOLDER: Final = f"ilios:source-{ids.new_id()}"
"""What the SDK gets in place of a data URL, or of the id of a file; no schema can hold it."""
BLOCK_BYTES: Final = 192 * 1024  #: read at once; a multiple of 3, so that its base64 has no padding
OK: Final = 200
_PORTS: Final = {"http": 80, "https": 443}
ABOUT_THE_BODY: Final = ("content-encoding", "content-length", "transfer-encoding")


@dataclass(slots=True)
class OcrCall:
    """One OCR call, of a document that is sent in it, or of a file at the provider."""

    source: Source | None
    keep: Keep
    file_id: str = ""
    is_sent: bool = False  #: whole; before that, the provider cannot have billed it


class Drafted(Exception):
    """Carries a request out of the SDK, which has made it."""

    def __init__(self, request: httpx2.Request) -> None:
        super().__init__()
        self.request = request


class DraftClient(httpx2.Client):
    """Sends nothing: what the SDK would send is raised as Drafted."""

    def __init__(self) -> None:
        # Else it would have a transport of its own, with all certificate authorities in memory.
        super().__init__(transport=httpx2.BaseTransport())

    def send(self, request: httpx2.Request, **_options: Any) -> httpx2.Response:
        raise Drafted(request)


class HttpClient(httpx2.Client):
    """httpx2's client over connections of ours."""

    def __init__(self, server_url: str, *, names_trace: bool = True) -> None:
        """Open no connection yet. `names_trace`: requests carry the trace that they belong to."""
        self._connections = Connections(server_url, _proxy_for(server_url))
        self._names_trace = names_trace
        super().__init__(transport=self._connections)

    def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        with self._traced(request) as span:
            response = super().send(request, **{**options, "stream": True})
            _note_status(span, response)
            if options.get("stream"):
                return response
            with closing(response):
                return _whole(response, _within_limit(response, is_ocr=False))

    def ocr(self, draft: httpx2.Request, call: OcrCall) -> bytes:
        """Send an OCR call as drafted; return its answer, once `keep` has had it.

        Raises SDKError for a refusal, as the SDK does, and TransportError.
        """
        body = _Body(call, draft.content.decode())
        request = httpx2.Request(draft.method, draft.url, headers=draft.headers, content=body)
        request.headers["Content-Length"] = str(body.length())
        with self._traced(request) as span:
            response = self._connections.handle_request(request)
            _note_status(span, response)
            response.request = request
            with closing(response):
                content = _within_limit(response, is_ocr=True)
        if response.status_code != OK:
            refusal = _whole(response, content)
            raise SDKError("", refusal, refusal.text)
        call.keep(content)
        return content

    def _traced(self, request: httpx2.Request) -> Span:
        """Return the span of a request, which it names if there is a trace, for a `with`."""
        span, url = spans.apart(request.method, Kind.CLIENT), request.url
        if span.is_recorded:
            span.note("http.request.method", request.method)
            span.note("server.address", url.host)
            span.note("server.port", url.port or _PORTS[url.scheme])
            # Without a query, and without what stands before the host: it may be a secret.
            span.note("url.full", f"{url.scheme}://{url.netloc.decode()}{url.path}")
        if self._names_trace and (traceparent := span.traceparent):
            request.headers[tracing.HEADER] = traceparent
        return span


def _note_status(span: Span, response: httpx2.Response) -> None:
    span.note("http.response.status_code", response.status_code)
    if response.status_code >= httpx2.codes.BAD_REQUEST:
        span.note(spans.ERROR_TYPE, str(response.status_code))


class _Body:
    """A draft's JSON with the document inserted, read from its file while it is sent."""

    def __init__(self, call: OcrCall, text: str) -> None:
        self._call = call
        before, _, after = text.partition(SOURCE_PLACEHOLDER)
        source = call.source
        inserted = f"data:{source.media_type};base64," if source else json.dumps(call.file_id)[1:-1]
        self._head = (before + inserted).encode()
        self._tail = after.encode()

    def length(self) -> int:
        source = self._call.source
        encoded = -(-os.stat(source.path).st_size // 3) * 4 if source else 0  # noqa: PTH116
        return len(self._head) + encoded + len(self._tail)

    def __iter__(self) -> Iterator[bytes]:
        pending = self._head
        for block in self._blocks():
            pending += b64encode(block)
            if len(block) == BLOCK_BYTES:
                yield pending
                pending = b""
        yield pending + self._tail
        self._call.is_sent = True  # asked for more, so the last block has been written
        failpoints.reach(failpoints.CALL_SENT)

    def _blocks(self) -> Iterator[bytes]:
        if self._call.source is None:
            return
        with open(self._call.source.path, "rb", buffering=0) as file:  # noqa: PTH123
            while block := file.read(BLOCK_BYTES):
                yield block


def _within_limit(response: httpx2.Response, *, is_ocr: bool) -> bytes:
    """Return the body of a response, cut where no more of it may be used.

    Raises ReadError for a list that is longer than any.
    """
    is_list = response.status_code == OK and not is_ocr
    most_bytes = ANSWER_MAX_BYTES if is_ocr else LIST_MAX_BYTES
    if response.status_code != OK:
        most_bytes = ERROR_MAX_BYTES
    blocks, size_bytes = [], 0
    for block in response.iter_bytes():
        blocks.append(block[: most_bytes - size_bytes])
        size_bytes += len(block)
        if size_bytes > most_bytes and is_list:
            raise httpx2.ReadError(f"an answer of more than {most_bytes} bytes")
        if size_bytes >= most_bytes:
            break
    return b"".join(blocks)


def _whole(response: httpx2.Response, content: bytes) -> httpx2.Response:
    """Return a response with the part of its body that was read, as it is after decoding."""
    headers = [
        (name, value)
        for name, value in response.headers.multi_items()
        if name.lower() not in ABOUT_THE_BODY
    ]
    return httpx2.Response(
        response.status_code, headers=headers, content=content, request=response.request
    )


def _proxy_for(server_url: str) -> httpx2.Proxy | None:
    """Return the proxy that the environment names for the provider (HTTPS_PROXY, NO_PROXY …)."""
    parts = urlsplit(server_url)
    proxies: Mapping[str, str] = getproxies()
    url = proxies.get(parts.scheme) or proxies.get("all")
    if not url or proxy_bypass(parts.hostname or ""):
        return None
    return httpx2.Proxy(url if "://" in url else f"http://{url}")
