"""What the methods of both clients do: conversations of calls and pauses, written once."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, cast
from urllib.parse import quote

from ilios.client import fields
from ilios.client.answers import (
    BINARY_FORMATS,
    Accepted,
    BatchAccepted,
    BatchStatus,
    Deliveries,
    Delivery,
    DocumentList,
    DocumentStatus,
    Page,
    PageList,
    UsageBreakdown,
    UsageSummary,
)
from ilios.client.calls import Call, Pause, Reply, Steps, answered
from ilios.client.errors import ConversionFailed, IliosClientError, WaitTimeout
from ilios.client.fields import ShownAlone
from ilios.client.uploads import Upload

HELD_SECONDS: Final = 30  #: that the service is asked to hold a status until it is the last one
AT_ONCE_SECONDS: Final = 1.0
"""An answer that was not held that long, for want of a place, is asked for again after a pause."""
ENDED: Final = ("completed", "failed", "cancelled", "archived", "deleted")
WITH_RESULT: Final = ("completed", "archived")
ONE_DOCUMENT: Final = {"Prefer": "no-batch"}
"""What has `submit` refuse an archive, which would become a batch: its answer has no document."""
BATCH_ENDED: Final = ("completed", "failed", "cancelled")


def submit(
    file: Upload | None, url: str | None, options: Mapping[str, Any], key: str | None
) -> Steps[Accepted]:
    """Queue a document: a file, or what the service finds at a URL."""
    if (file is None) == (url is None):
        raise ValueError("One of file and url is what to convert.")
    call = Call("POST", "/api/documents/submit", key=key or _new_key())
    if file is None:
        call = replace(call, json={"url": url, **fields.of_json(options)})
    else:
        call = replace(call, form=fields.of_form(options), files=(("file", file),))
        call = replace(call, headers=ONE_DOCUMENT)
    reply = yield from answered(call)
    return cast("Accepted", reply.json())


def status(document_id: str, wait: int) -> Steps[DocumentStatus]:
    """Ask how far a document is; the service holds the answer for `wait` seconds."""
    path = f"/api/documents/status/{quote(document_id, safe='')}"
    reply = yield from answered(Call("GET", path, {"wait": str(wait)}, seconds=wait))
    return cast("DocumentStatus", reply.json())


def wait(document_id: str, timeout: float | None) -> Steps[DocumentStatus]:
    """Wait until a document has ended, and return its last status. Raises WaitTimeout."""
    clock = _Clock(document_id, timeout)
    while True:
        asked = time.monotonic()
        found = yield from status(document_id, clock.held_seconds())
        if found["status"] in ENDED:
            return found
        yield clock.pause_since(asked)


def result(document_id: str, form: str, shown: Mapping[str, Any]) -> Steps[Any]:
    """Return a result: JSON as a dictionary, archives and PDF as bytes, the rest as text."""
    path = f"/api/documents/{quote(document_id, safe='')}"
    reply = yield from answered(Call("GET", path, {"format": form, **fields.of_form(shown)}))
    if form == "json":
        return reply.json()
    return reply.body if form in BINARY_FORMATS else reply.body.decode()


def convert(
    file: Upload | None,
    url: str | None,
    form: str,
    timeout: float | None,
    options: Mapping[str, Any],
    key: str | None,
) -> Steps[Any]:
    """Submit a document, wait for its end, and return its result. Raises ConversionFailed."""
    shown = {name: options[name] for name in ShownAlone.__optional_keys__ if name in options}
    asked = {name: value for name, value in options.items() if name not in shown}
    if form == "pdf":
        asked.setdefault("include", "blocks")  # that tell where its text stands
    elif form in ("json", "zip") and "include" in asked:
        shown["include"] = asked["include"]
    accepted = yield from submit(file, url, asked, key)
    try:
        yield from wait_for_result(accepted["id"], timeout)
        return (yield from result(accepted["id"], form, shown))
    except IliosClientError as error:
        error.document_id = accepted["id"]
        raise


def wait_for_result(document_id: str, timeout: float | None) -> Steps[DocumentStatus]:
    """Wait until a document has a result. Raises ConversionFailed if it ends without one."""
    ended = yield from wait(document_id, timeout)
    if ended["status"] not in WITH_RESULT:
        raise ConversionFailed(ended)
    return ended


def pages(document_id: str, cursor: str | None, limit: int | None) -> Steps[PageList]:
    path = f"/api/documents/{quote(document_id, safe='')}/pages"
    query = fields.of_form({"cursor": cursor, "limit": limit})
    reply = yield from answered(Call("GET", path, query))
    return cast("PageList", reply.json())


def page_image(document_id: str, number: int, width: int | None) -> Steps[bytes]:
    path = f"/api/documents/{quote(document_id, safe='')}/pages/{number}/image"
    reply = yield from answered(Call("GET", path, fields.of_form({"width": width})))
    return reply.body


def page(document_id: str, number: int, include: str | None) -> Steps[Page]:
    path = f"/api/documents/{quote(document_id, safe='')}/pages/{number}"
    reply = yield from answered(Call("GET", path, fields.of_form({"include": include})))
    return cast("Page", reply.json())


def documents(filters: Mapping[str, Any]) -> Steps[DocumentList]:
    reply = yield from answered(Call("GET", "/api/documents", fields.of_form(filters)))
    return cast("DocumentList", reply.json())


def image(document_id: str, name: str) -> Steps[bytes]:
    path = f"/api/documents/{quote(document_id, safe='')}/images/{quote(name, safe='')}"
    reply = yield from answered(Call("GET", path))
    return reply.body


def cancel(document_id: str) -> Steps[DocumentStatus]:
    path = f"/api/documents/{quote(document_id, safe='')}/cancel"
    reply = yield from answered(Call("POST", path, is_harmless=True))
    return cast("DocumentStatus", reply.json())


def delete(document_id: str) -> Steps[None]:
    yield from answered(Call("DELETE", f"/api/documents/{quote(document_id, safe='')}"))


def batch(
    files: Sequence[Upload], urls: Sequence[str], options: Mapping[str, Any], key: str | None
) -> Steps[BatchAccepted]:
    """Queue documents together, all or none: files, or what the service finds at URLs."""
    if bool(files) == bool(urls):
        raise ValueError("Either files or urls are what to convert.")
    call = Call("POST", "/v1/batch/submit", key=key or _new_key())
    if urls:
        call = replace(call, json={"urls": list(urls), **fields.of_json(options)})
    else:
        sent = tuple(("files", file) for file in files)
        call = replace(call, form=fields.of_form(options), files=sent)
    reply = yield from answered(call)
    return cast("BatchAccepted", reply.json())


def batch_status(batch_id: str, wait: int, *, details: bool) -> Steps[BatchStatus]:
    query = {"wait": str(wait), "details": "true" if details else "false"}
    path = f"/v1/batch/status/{quote(batch_id, safe='')}"
    reply = yield from answered(Call("GET", path, query, seconds=wait))
    return cast("BatchStatus", reply.json())


def wait_batch(batch_id: str, timeout: float | None) -> Steps[BatchStatus]:
    """Wait until all documents of a batch have ended. Raises WaitTimeout."""
    clock = _Clock(batch_id, timeout)
    while True:
        asked = time.monotonic()
        found = yield from batch_status(batch_id, clock.held_seconds(), details=True)
        if found["status"] in BATCH_ENDED:
            return found
        yield clock.pause_since(asked)


def cancel_batch(batch_id: str) -> Steps[BatchStatus]:
    path = f"/v1/batch/{quote(batch_id, safe='')}/cancel"
    reply = yield from answered(Call("POST", path, is_harmless=True))
    return cast("BatchStatus", reply.json())


def download_batch(batch_id: str, form: str, shown: Mapping[str, Any]) -> Steps[bytes]:
    path = f"/v1/batch/download/{quote(batch_id, safe='')}"
    reply = yield from answered(Call("GET", path, {"format": form, **fields.of_form(shown)}))
    return reply.body


def webhook_deliveries(cursor: str | None, limit: int | None) -> Steps[Deliveries]:
    query = fields.of_form({"cursor": cursor, "limit": limit})
    reply = yield from answered(Call("GET", "/api/webhooks/deliveries", query))
    return cast("Deliveries", reply.json())


def replay_delivery(delivery_id: str) -> Steps[Delivery]:
    path = f"/api/webhooks/deliveries/{quote(delivery_id, safe='')}/replay"
    reply = yield from answered(Call("POST", path, is_harmless=True))  # an event may come twice
    return cast("Delivery", reply.json())


def test_webhook(url: str | None) -> Steps[Delivery]:
    sent = {} if url is None else {"webhookUrl": url}
    call = Call("POST", "/api/webhooks/test", json=sent, is_harmless=True)
    reply = yield from answered(call)
    return cast("Delivery", reply.json())


def usage(start: str | None, end: str | None) -> Steps[UsageSummary]:
    reply = yield from _usage("summary", start, end)
    return cast("UsageSummary", reply.json())


def usage_by(group: str, start: str | None, end: str | None) -> Steps[UsageBreakdown]:
    reply = yield from _usage("breakdown", start, end, groupBy=group)
    return cast("UsageBreakdown", reply.json())


def _usage(what: str, start: str | None, end: str | None, **more: str) -> Steps[Reply]:
    query = fields.of_form({"startDate": start, "endDate": end, **more})
    return (yield from answered(Call("GET", f"/api/usage/{what}", query)))


def _new_key() -> str:
    """Return the key under which the tries of one call are one request to the service."""
    return uuid.uuid4().hex


class _Clock:
    """How long is still to be waited for something; at least one question is asked."""

    def __init__(self, identifier: str, timeout: float | None) -> None:
        self._identifier = identifier
        self._timeout = timeout
        self._begun = time.monotonic()

    def held_seconds(self) -> int:
        """Return for how long the service is to hold its answer."""
        return max(0, min(HELD_SECONDS, round(self._left())))

    def pause_since(self, asked: float) -> Pause:
        """Return the pause before the next question: none if the last one was held.

        Raises WaitTimeout when the time is over.
        """
        if self._timeout is not None and self._left() <= 0:
            raise WaitTimeout(self._identifier, self._timeout)
        return Pause(max(0.0, AT_ONCE_SECONDS - (time.monotonic() - asked)))

    def _left(self) -> float:
        if self._timeout is None:
            return HELD_SECONDS
        return self._begun + self._timeout - time.monotonic()
