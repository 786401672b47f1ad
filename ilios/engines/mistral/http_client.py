"""The HTTP client below the SDK: streams request bodies from files, and keeps raw responses.

The SDK would put a document into a string, validate, escape and copy it, and discard a response
that does not fit its types. So for an OCR call it gets a placeholder for its JSON, and an empty
response to validate; here the document is inserted into the request, block by block, and the real
response is kept.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx2

from ilios.core import failpoints
from ilios.core.telemetry import tracing
from ilios.engines.base import Keep, Source
from ilios.engines.mistral.answer_limits import ANSWER_MAX_BYTES, ERROR_MAX_BYTES, LIST_MAX_BYTES
from ilios.engines.mistral.connections import Connections

SOURCE_PLACEHOLDER: Final = "ilios:source"
"""What the SDK gets in place of a data URL."""
BLOCK_BYTES: Final = 192 * 1024  #: read at once; a multiple of 3, so that its base64 has no padding
OK: Final = 200
ANY_ENCODING: Final = {"Accept-Encoding": "gzip, deflate"}  #: that httpx2 decodes
ABOUT_THE_BODY: Final = ("content-encoding", "content-length", "transfer-encoding")
EMPTY_ANSWER: Final = b'{"pages":[],"model":"","usage_info":{"pages_processed":0}}'

_CALL: ContextVar[OcrCall | None] = ContextVar("ocr_call", default=None)


@dataclass(slots=True)
class OcrCall:
    """One OCR call of the current thread."""

    source: Source | None  #: replaces the placeholder; None when the call names a file
    keep: Keep
    is_sent: bool = False  #: whole; before that, the provider cannot have billed it
    answer: bytes | None = None

    @contextmanager
    def under_way(self) -> Iterator[None]:
        """Make the thread's requests inside the block part of this call."""
        token = _CALL.set(self)
        try:
            yield
        finally:
            _CALL.reset(token)


class HttpClient(httpx2.Client):
    """httpx2's client with the hooks that OCR calls need; other calls pass through."""

    def __init__(self, server_url: str) -> None:
        self._connections = Connections(server_url, _proxy_for(server_url))
        super().__init__(transport=self._connections)

    def build_request(self, method: str, url: Any, **options: Any) -> httpx2.Request:
        if traceparent := tracing.next_traceparent():
            options["headers"] = {**(options.get("headers") or {}), tracing.HEADER: traceparent}
        call = _CALL.get()
        if call is None:
            return super().build_request(method, url, **options)
        body = _Body(call, options["content"])
        headers = {**ANY_ENCODING, **options["headers"], "Content-Length": str(body.length())}
        params = options["params"] or None
        return httpx2.Request(method, url, params=params, headers=headers, content=body)

    def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        call = _CALL.get()
        if call is None and options.get("stream"):
            return super().send(request, **options)
        if call is None:
            response = super().send(request, **{**options, "stream": True})
        else:
            response = self._connections.handle_request(request)
            response.request = request
        with closing(response):
            content = _within_limit(response, is_ocr=call is not None)
        if call is None or response.status_code != OK:
            return _whole(response, content)
        call.answer = content
        call.keep(content)
        return httpx2.Response(
            OK,
            headers={"Content-Type": "application/json"},
            content=EMPTY_ANSWER,
            request=request,
        )


class _Body:
    """The SDK's JSON with the document inserted, read from its file while it is sent."""

    def __init__(self, call: OcrCall, text: str) -> None:
        self._call = call
        before, _, after = text.partition(SOURCE_PLACEHOLDER)
        prefix = f"data:{call.source.media_type};base64," if call.source else ""
        self._head = (before + prefix).encode()
        self._tail = after.encode()

    def length(self) -> int:
        source = self._call.source
        encoded = -(-source.path.stat().st_size // 3) * 4 if source else 0
        return len(self._head) + encoded + len(self._tail)

    def __iter__(self) -> Iterator[bytes]:
        pending = self._head
        for block in self._blocks():
            yield pending + b64encode(block)
            pending = b""
        yield pending + self._tail
        self._call.is_sent = True  # asked for more, so the last block has been written
        failpoints.reach(failpoints.CALL_SENT)

    def _blocks(self) -> Iterator[bytes]:
        if self._call.source is None:
            return
        with self._call.source.path.open("rb") as file:
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
