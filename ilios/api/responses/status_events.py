"""Statuses as server-sent events: https://html.spec.whatwg.org/#server-sent-events.

What an event carries is the JSON that the status of a document or a batch is asked for by
(`/api/documents/status/{id}`, `/v1/batch/status/{id}`).
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from typing import Any, Final, NamedTuple

from flask import Flask, json

from ilios.api.responses import links, serializers
from ilios.api.schemas.responses import BatchStatusSchema, DocumentStatusSchema
from ilios.api.services import EXTENSION, Services
from ilios.core.backoff import delay_seconds
from ilios.core.request_errors import NotFound
from ilios.db.models import DocumentStatus, statuses
from ilios.documents.following import Kind, Subject
from ilios.documents.queries import BatchReport
from ilios.documents.snapshots import DocumentReport

PING: Final = b": ping\n\n"
RETRY_SECONDS: Final = 3.0  #: after which clients connect anew, ± a half: not all at once
TAG_BYTES: Final = 8
KEPT_MAX: Final = 1_000  #: statuses that were made for one listener, and may be those of others
_UNFINISHED: Final = (*statuses.OPEN, DocumentStatus.AWAITING_UPLOAD)
_DOCUMENT: Final = DocumentStatusSchema()
_BATCH: Final = BatchStatusSchema()


class StatusEvent(NamedTuple):
    """A status, as it is sent."""

    data: str  #: JSON, in one line
    tag: str  #: of the data: the id of the event, unless a key is listened to
    is_last: bool  #: whether nothing more comes: the status is final

    def encoded(self, event_id: str) -> bytes:
        return f"event: status\nid: {event_id}\ndata: {self.data}\n\n".encode()


class StatusEvents:
    """Makes the present statuses for the listeners of a process, each once between two looks."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._services: Services = app.extensions[EXTENSION]
        self._made: dict[tuple[Kind, str, str], StatusEvent | None] = {}

    def of(self, subject: Subject, which: str, link_base: str) -> StatusEvent | None:
        """Return the status of a document of what is listened to, or of the batch; None: gone.

        Raises what a database that does not answer raises.
        """
        kind = Kind.BATCH if subject.kind is Kind.BATCH else Kind.DOCUMENT
        wanted = (kind, which, link_base)
        if wanted not in self._made:
            if len(self._made) >= KEPT_MAX:
                self._made.clear()
            self._made[wanted] = self._make(kind, which, subject.owner, link_base)
        return self._made[wanted]

    def forget(self) -> None:
        """Make all statuses anew from now on, because something was committed."""
        self._made.clear()

    def _make(self, kind: Kind, which: str, owner: str, link_base: str) -> StatusEvent | None:
        reader = self._services.reader
        with suppress(NotFound), links.made_from(self._app, link_base):
            if kind is Kind.BATCH:
                return of_batch(reader.batch(which, owner=owner))
            return of_document(reader.document(which, owner=owner))
        return None


def beginning(last_id: str | None = None) -> bytes:
    """Return what every stream begins with: when to connect anew after its end, and as what."""
    retry = f"retry: {round(1000 * delay_seconds(0, RETRY_SECONDS, jitter=0.5))}\n"
    return (retry + ("" if last_id is None else f"id: {last_id}\n") + "\n").encode()


def of_document(report: DocumentReport) -> StatusEvent:
    """Return the status of a document; for an application, whose links the present ones are."""
    shown = _DOCUMENT.dump(serializers.document_status(report))
    return _event(shown, is_last=report.document.status not in _UNFINISHED)


def of_batch(report: BatchReport) -> StatusEvent:
    """Return the status of a batch, as `of_document` does that of a document."""
    shown = _BATCH.dump(serializers.batch_status(report, details=False))
    return _event(shown, is_last=not report.count(*_UNFINISHED))


def _event(shown: dict[str, Any], *, is_last: bool) -> StatusEvent:
    data = json.dumps(shown, separators=(",", ":"))
    tag = hashlib.blake2b(data.encode(), digest_size=TAG_BYTES).hexdigest()
    return StatusEvent(data, tag, is_last)
