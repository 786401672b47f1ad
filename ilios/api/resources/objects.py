"""`/objects/{token}`: signed links of ours, which need no other authentication.

Those of the local store, and to files that are kept; a bucket serves its own links.
"""

from __future__ import annotations

from flask import Response, request

from ilios.api.blueprint import ApiBlueprint
from ilios.api.middleware.auth import public
from ilios.api.requests.body import Body
from ilios.api.responses import streaming
from ilios.api.schemas.responses import BINARY
from ilios.api.services import services
from ilios.core import clock
from ilios.core.conversion_errors import ObjectMissing
from ilios.core.file_names import attachment
from ilios.core.request_errors import LinkInvalid, MalformedRequest
from ilios.documents.uploads import UploadSink
from ilios.storage.signed_links import Link

blueprint = ApiBlueprint("Objects", __name__, url_prefix="/objects", description="Presigned links.")

OPAQUE = "application/octet-stream"


@blueprint.get("/<token>")
@public
@blueprint.response(200, BINARY, content_type="*/*")
@blueprint.refuses(404, 503)
def object_get(token: str) -> Response:
    """Download what a link stands for."""
    store, link = services().store, _open(token, "GET")
    disposition = attachment(link.file_name or "document")
    try:
        return streaming.stored(store, link.key, link.media_type or OPAQUE, disposition=disposition)
    except ObjectMissing as error:
        raise LinkInvalid from error


@blueprint.put("/<token>")
@public
@blueprint.doc(
    requestBody={
        "required": True,
        "content": {OPAQUE: {"schema": BINARY}},
    }
)
@blueprint.response(200, description="Stored.")
@blueprint.refuses(404, 413, 503, 507)
def object_put(token: str) -> Response:
    """Upload what a link was given out for: exactly as many bytes as it says.

    404 once the upload was completed or deleted, or its key is not in force any more.
    """
    store, link = services().store, _open(token, "PUT")
    owner = _require_awaited(link)
    size_bytes = link.size_bytes or 0
    services().disk_reserve.require(size_bytes)
    sink = UploadSink(services().uploads, size_bytes, services().disk_reserve)
    try:
        with services().wait_slots.for_upload(owner):
            _receive(sink, size_bytes)
        _require_awaited(link)  # receiving may have taken long
        store.put(link.key, sink.path, OPAQUE)
    finally:
        sink.discard()
    return Response(status=200, mimetype="text/plain")


def _require_awaited(link: Link) -> str:
    """Return whose document waits for these bytes.

    Raise LinkInvalid if none does, or if its key is not in force.
    """
    owner = services().submissions.owner_awaiting(link.key)
    if owner is None or not services().authenticator.admits(owner):
        raise LinkInvalid
    return owner


def _receive(sink: UploadSink, size_bytes: int) -> None:
    for block in Body(request.environ, size_bytes).blocks():
        sink.write(block)
    if sink.size_bytes != size_bytes:
        raise MalformedRequest(
            f"The body has {sink.size_bytes} bytes, but fileSize was {size_bytes}."
        )
    sink.close()


def _open(token: str, method: str) -> Link:
    """Return what the token allows. Raise LinkInvalid."""
    return services().links.read(token, method, clock.now())
