"""Statuses as server-sent events: of a document, of a batch, of all of a key's documents."""

from __future__ import annotations

from flask import Response, request

from ilios.accounts.keys import Scope
from ilios.api.application import application
from ilios.api.blueprint import ApiBlueprint
from ilios.api.middleware.auth import current_owner, needs
from ilios.api.responses import event_stream, status_events
from ilios.api.schemas.responses import TEXT
from ilios.api.services import services
from ilios.documents.following import Kind, Subject

LAST_ID = "Last-Event-ID"
KNOWN = "The client has the final status already (`Last-Event-ID`)."

blueprint = ApiBlueprint(
    "Events", __name__, description="Statuses as server-sent events, as soon as they change."
)


@blueprint.get("/api/documents/<id:document_id>/events")
@needs(Scope.READ)
@blueprint.response(200, TEXT, content_type=event_stream.MEDIA_TYPE)
@blueprint.alt_response(204, description=KNOWN)
@blueprint.refuses(401, 403, 404, 429, 503)
def document_events(document_id: str) -> Response:
    """Tell the status of a document, and again whenever it changes, until it is final.

    Events are named `status`; their data is the JSON of `/api/documents/status/{document_id}`. The
    `id` of an event stands for its data: with the last one in `Last-Event-ID` it is not sent again.
    """
    owner = current_owner()
    present = status_events.of_document(services().reader.document(document_id, owner=owner))
    subject = Subject(Kind.DOCUMENT, document_id, owner)
    return event_stream.of_one(application(), subject, present, request.headers.get(LAST_ID))


@blueprint.get("/v1/batch/<id:batch_id>/events")
@needs(Scope.READ)
@blueprint.response(200, TEXT, content_type=event_stream.MEDIA_TYPE)
@blueprint.alt_response(204, description=KNOWN)
@blueprint.refuses(401, 403, 404, 429, 503)
def batch_events(batch_id: str) -> Response:
    """Tell the status of a batch, and again whenever it changes, until all documents have ended.

    Events are named `status`; their data is the JSON of `/v1/batch/status/{batch_id}`. The `id` of
    an event stands for its data: with the last one in `Last-Event-ID` it is not sent again.
    """
    owner = current_owner()
    present = status_events.of_batch(services().reader.batch(batch_id, owner=owner))
    subject = Subject(Kind.BATCH, batch_id, owner)
    return event_stream.of_one(application(), subject, present, request.headers.get(LAST_ID))


@blueprint.get("/api/documents/events")
@needs(Scope.READ)
@blueprint.response(200, TEXT, content_type=event_stream.MEDIA_TYPE)
@blueprint.refuses(401, 403, 429, 503)
def key_events() -> Response:
    """Tell the statuses of all of the key's documents, whenever one changes, without an end.

    It begins with the documents that are open now. The `id` of an event is a moment, until which
    everything was told: with the last one in `Last-Event-ID` it begins with what has ended since
    then, and a little before, and with what is open.
    """
    return event_stream.of_key(application(), current_owner(), request.headers.get(LAST_ID))
