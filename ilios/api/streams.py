"""Stored objects as answers: streamed, and never as a page of ours."""

from __future__ import annotations

from contextlib import ExitStack

from flask import Response, request
from werkzeug.wsgi import wrap_file

from ilios.storage import ObjectStore

BLOCK_BYTES = 64 * 1024


def stored(
    store: ObjectStore, key: str, media_type: str, *, disposition: str = "inline"
) -> Response:
    """An object of the store. Raises ObjectMissing before anything is sent.

    Every answer forbids sniffing and runs nothing: see ilios.api.middleware.headers.
    """
    size_bytes = store.stat(key).size_bytes
    with ExitStack() as opening:
        file = opening.enter_context(store.open(key))
        closing = opening.pop_all()
    response = Response(wrap_file(request.environ, file, BLOCK_BYTES), mimetype=media_type)
    response.direct_passthrough = True
    response.content_length = size_bytes
    response.call_on_close(closing.close)
    response.headers["Content-Disposition"] = disposition
    response.headers["Cache-Control"] = "private, no-cache"
    return response
