"""The client for programs that wait for their answers."""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Literal, Self, TypeVar, Unpack, overload

import httpx2

from ilios.client import conversations, transport
from ilios.client.answers import (
    Accepted,
    BatchAccepted,
    BatchStatus,
    Deliveries,
    Delivery,
    DocumentList,
    DocumentStatus,
    Format,
    Page,
    PageList,
    Result,
    UsageBreakdown,
    UsageSummary,
)
from ilios.client.calls import Broken, Call, Pause, Reply, Steps
from ilios.client.fields import BatchConversion, BatchShown, Conversion, Everything, Listed, Shown
from ilios.client.uploads import File, upload

T = TypeVar("T")


class Ilios:
    """A service, as the holder of a key sees it.

    Methods, fields and answers have the names of the API (docs/api.md): what is sent is what the
    service is asked for. Threads may share it.

    Every method may raise ApiError, Unreachable and OutcomeUnknown.
    """

    def __init__(
        self,
        base_url: str = "http://localhost:1337",
        api_key: str | None = None,
        *,
        transport_options: dict[str, Any] | None = None,
    ) -> None:
        """`transport_options` go to HTTPX: proxies, certificates and the like.

        Raises ValueError for an address that is none, and for a key that no header can carry.
        """
        self._http = httpx2.Client(
            base_url=transport.checked(base_url),
            headers=transport.headers(api_key),
            **(transport_options or {}),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    @overload
    def convert(
        self,
        file: File | None = None,
        format: Literal["markdown", "text", "html", "chunks"] = "markdown",
        *,
        url: str | None = None,
        file_name: str | None = None,
        timeout: float | None = None,
        idempotency_key: str | None = None,
        **fields: Unpack[Everything],
    ) -> str: ...
    @overload
    def convert(
        self,
        file: File | None,
        format: Literal["json"],
        *,
        url: str | None = None,
        file_name: str | None = None,
        timeout: float | None = None,
        idempotency_key: str | None = None,
        **fields: Unpack[Everything],
    ) -> Result: ...
    @overload
    def convert(
        self,
        file: File | None,
        format: Literal["zip", "pdf"],
        *,
        url: str | None = None,
        file_name: str | None = None,
        timeout: float | None = None,
        idempotency_key: str | None = None,
        **fields: Unpack[Everything],
    ) -> bytes: ...
    def convert(
        self,
        file: File | None = None,
        format: Format = "markdown",
        *,
        url: str | None = None,
        file_name: str | None = None,
        timeout: float | None = None,
        idempotency_key: str | None = None,
        **fields: Unpack[Everything],
    ) -> str | bytes | Result:
        """Submit a document, wait for its end and return its result, in one of the forms.

        Raises ConversionFailed, and WaitTimeout after `timeout` seconds; without one it waits for
        as long as it takes.
        """
        sent = None if file is None else upload(file, file_name)
        steps = conversations.convert(sent, url, format, timeout, fields, idempotency_key)
        found: str | bytes | Result = self._run(steps)
        return found

    def submit(
        self,
        file: File | None = None,
        *,
        url: str | None = None,
        file_name: str | None = None,
        idempotency_key: str | None = None,
        **fields: Unpack[Conversion],
    ) -> Accepted:
        """Queue a document, which is on the disk of the service when this returns.

        An archive of documents is refused with `archive_needs_batch`: `batch` takes it.
        """
        sent = None if file is None else upload(file, file_name)
        return self._run(conversations.submit(sent, url, fields, idempotency_key))

    def status(self, id: str, *, wait: int = 0) -> DocumentStatus:
        """Return how far a document is; the service holds it for `wait` seconds, up to 60."""
        return self._run(conversations.status(id, wait))

    def wait(self, id: str, *, timeout: float | None = None) -> DocumentStatus:
        """Wait until a document has ended, however it did, and return its status.

        Raises WaitTimeout after `timeout` seconds.
        """
        return self._run(conversations.wait(id, timeout))

    def wait_for_result(self, id: str, *, timeout: float | None = None) -> DocumentStatus:
        """Wait until a document has a result, and return its status.

        Raises ConversionFailed if it ends without one, and WaitTimeout.
        """
        return self._run(conversations.wait_for_result(id, timeout))

    @overload
    def result(
        self,
        id: str,
        format: Literal["markdown", "text", "html", "chunks"] = "markdown",
        *,
        pages: str | None = None,
        **fields: Unpack[Shown],
    ) -> str: ...
    @overload
    def result(
        self,
        id: str,
        format: Literal["json"],
        *,
        pages: str | None = None,
        **fields: Unpack[Shown],
    ) -> Result: ...
    @overload
    def result(
        self,
        id: str,
        format: Literal["zip", "pdf"],
        *,
        pages: str | None = None,
        **fields: Unpack[Shown],
    ) -> bytes: ...
    def result(
        self,
        id: str,
        format: Format = "markdown",
        *,
        pages: str | None = None,
        **fields: Unpack[Shown],
    ) -> str | bytes | Result:
        """Return the result of a document, or only some of its pages."""
        steps = conversations.result(id, format, {"pages": pages, **fields})
        found: str | bytes | Result = self._run(steps)
        return found

    def pages(self, id: str, *, cursor: str | None = None, limit: int | None = None) -> PageList:
        """Return which pages of a document are stored, without their texts."""
        return self._run(conversations.pages(id, cursor, limit))

    def page(
        self, id: str, number: int, *, include: Literal["blocks", "html"] | None = None
    ) -> Page:
        """Return one page, as soon as it is stored; `number` is that in the original."""
        return self._run(conversations.page(id, number, include))

    def page_image(self, id: str, number: int, *, width: int | None = None) -> bytes:
        """Return a page of a PDF or an image as it was sent, as a PNG."""
        return self._run(conversations.page_image(id, number, width))

    def documents(self, **filters: Unpack[Listed]) -> DocumentList:
        """Return the documents of the key, the newest first; `q` finds some by name and words."""
        return self._run(conversations.documents(filters))

    def image(self, id: str, name: str) -> bytes:
        """Return an image of a result."""
        return self._run(conversations.image(id, name))

    def cancel(self, id: str) -> DocumentStatus:
        """Stop the conversion of a document."""
        return self._run(conversations.cancel(id))

    def delete(self, id: str) -> None:
        """Remove a document for good."""
        self._run(conversations.delete(id))

    def batch(
        self,
        files: Sequence[File] = (),
        *,
        urls: Sequence[str] = (),
        idempotency_key: str | None = None,
        **fields: Unpack[BatchConversion],
    ) -> BatchAccepted:
        """Queue 1 to 100 documents together, all or none: files, or what is at URLs."""
        sent = [upload(file) for file in files]
        return self._run(conversations.batch(sent, urls, fields, idempotency_key))

    def batch_status(self, batch_id: str, *, wait: int = 0, details: bool = False) -> BatchStatus:
        """Return how far a batch is, with its documents if `details` are asked for."""
        return self._run(conversations.batch_status(batch_id, wait, details=details))

    def wait_batch(self, batch_id: str, *, timeout: float | None = None) -> BatchStatus:
        """Wait until all documents of a batch have ended; return its status with them.

        Raises WaitTimeout after `timeout` seconds.
        """
        return self._run(conversations.wait_batch(batch_id, timeout))

    def cancel_batch(self, batch_id: str) -> BatchStatus:
        """Stop everything of a batch that has not ended."""
        return self._run(conversations.cancel_batch(batch_id))

    def download_batch(
        self, batch_id: str, format: Literal["jsonl", "zip"] = "jsonl", **fields: Unpack[BatchShown]
    ) -> bytes:
        """Return the results of a batch that has ended, as JSON lines or as an archive."""
        return self._run(conversations.download_batch(batch_id, format, fields))

    def webhook_deliveries(
        self, *, cursor: str | None = None, limit: int | None = None
    ) -> Deliveries:
        """Return what was sent to webhooks of the key, the newest first."""
        return self._run(conversations.webhook_deliveries(cursor, limit))

    def replay_delivery(self, id: str) -> Delivery:
        """Send an event to its webhook once more."""
        return self._run(conversations.replay_delivery(id))

    def test_webhook(self, url: str | None = None) -> Delivery:
        """Send a test to a webhook, or to that of the key."""
        return self._run(conversations.test_webhook(url))

    def usage(self, *, start_date: str | None = None, end_date: str | None = None) -> UsageSummary:
        """Return the pages and costs of the key between two days or moments."""
        return self._run(conversations.usage(start_date, end_date))

    def usage_by(
        self,
        group_by: Literal["operation", "model", "day"],
        *,
        start_date: str | None = None,
        end_date: str | None = None,
    ) -> UsageBreakdown:
        """Return the same for each operation, model or day."""
        return self._run(conversations.usage_by(group_by, start_date, end_date))

    def _run(self, steps: Steps[T]) -> T:
        reply: Reply | Broken | None = None
        while True:
            try:
                step = next(steps) if reply is None else steps.send(reply)
            except StopIteration as end:
                found: T = end.value
                return found
            reply = self.perform(step)

    def perform(self, step: Call | Pause) -> Reply | Broken:
        """Carry out one step of a conversation."""
        if isinstance(step, Pause):
            time.sleep(step.seconds)
            return Reply()
        with transport.arguments(step) as arguments:
            try:
                return transport.reply(self._http.request(**arguments))
            except httpx2.TransportError as error:
                return transport.broken(error)
