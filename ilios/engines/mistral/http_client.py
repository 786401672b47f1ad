"""The HTTP client below the SDK: bodies from files, answers as they came.

The SDK would put a document into a string, check it, escape it, copy it for a debug line, and
throw an answer away that does not fit its types. So for an OCR call it gets a placeholder to put
into its JSON, and an empty answer to check; the document joins the request here, block by block,
and the answer leaves from here.
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
from ilios.engines.mistral.deadlines import CONNECT_SECONDS, DeadlineTransport

SOURCE_PLACEHOLDER: Final = "ilios:source"
"""What the SDK is given for a data URL."""
BLOCK_BYTES: Final = 192 * 1024  #: read at once; a multiple of 3, so that its base64 has no end
OK: Final = 200
TIMEOUT: Final = httpx2.Timeout(None, connect=CONNECT_SECONDS, pool=CONNECT_SECONDS)
"""By phase; the rest is the deadline's."""
EMPTY_ANSWER: Final = b'{"pages":[],"model":"","usage_info":{"pages_processed":0}}'

_CALL: ContextVar[OcrCall | None] = ContextVar("ocr_call", default=None)


@dataclass(slots=True)
class OcrCall:
    """One OCR call of the current thread."""

    source: Source | None  #: takes the placeholder's place; None when a file id does
    keep: Keep
    is_sent: bool = False  #: every byte of the request; before, no provider can have billed it
    answer: bytes | None = None

    @contextmanager
    def under_way(self) -> Iterator[None]:
        """Within, this is what the thread's next request is part of."""
        token = _CALL.set(self)
        try:
            yield
        finally:
            _CALL.reset(token)


class HttpClient(httpx2.Client):
    """httpx2's client with the hooks that OCR calls need; other calls pass through."""

    def __init__(self, server_url: str, connections: int) -> None:
        transport = DeadlineTransport(connections, _proxy_for(server_url))
        super().__init__(transport=transport, timeout=TIMEOUT)

    def build_request(self, method: str, url: Any, **options: Any) -> httpx2.Request:
        options["timeout"] = TIMEOUT  # the SDK's own is by phase, and for all phases the same
        if traceparent := tracing.next_traceparent():
            options["headers"] = {**(options.get("headers") or {}), tracing.HEADER: traceparent}
        call = _CALL.get()
        if call is None:
            return super().build_request(method, url, **options)
        body = _Body(call, options.pop("content"))
        headers = {**options["headers"], "Content-Length": str(body.length())}
        return super().build_request(
            method, url, **{**options, "headers": headers, "content": body}
        )

    def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        call = _CALL.get()
        if call is None:
            return super().send(request, **options)
        with closing(super().send(request, **{**options, "stream": True})) as response:
            content = response.read()
        if response.status_code != OK:
            return response
        call.answer = content
        call.keep(content)
        return httpx2.Response(
            OK,
            headers={"Content-Type": "application/json"},
            content=EMPTY_ANSWER,
            request=request,
        )


class _Body:
    """The SDK's JSON with the document in it, read while it is sent."""

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
        self._call.is_sent = True  # who asks for more has written the last block
        failpoints.reach(failpoints.CALL_SENT)

    def _blocks(self) -> Iterator[bytes]:
        if self._call.source is None:
            return
        with self._call.source.path.open("rb") as file:
            while block := file.read(BLOCK_BYTES):
                yield block


def _proxy_for(server_url: str) -> httpx2.Proxy | None:
    """The proxy that the environment names for the provider (HTTPS_PROXY, NO_PROXY …)."""
    parts = urlsplit(server_url)
    proxies: Mapping[str, str] = getproxies()
    url = proxies.get(parts.scheme) or proxies.get("all")
    if not url or proxy_bypass(parts.hostname or ""):
        return None
    return httpx2.Proxy(url if "://" in url else f"http://{url}")
