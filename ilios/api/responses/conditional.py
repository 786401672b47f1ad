"""Answers that a client may have already: they carry an ETag, and are not sent again."""

from __future__ import annotations

import hashlib
from http import HTTPStatus
from typing import Any, Final

from flask import Response, jsonify, request
from werkzeug.exceptions import PreconditionFailed

ETAG_BYTES: Final = 16
ETAG_HEADER: Final = {"ETag": {"schema": {"type": "string"}}}  #: as the OpenAPI document shows it
_CONDITIONS: Final = frozenset(("HTTP_IF_NONE_MATCH", "HTTP_IF_MATCH"))


def tagged_json(body: dict[str, Any]) -> Response:
    """Answer with JSON, whose ETag is that of its bytes; see `tagged`."""
    response = jsonify(body)
    digest = hashlib.blake2b(response.get_data(), digest_size=ETAG_BYTES)
    return tagged(response, digest.hexdigest())


def tagged(response: Response, etag: str) -> Response:
    """Give an answer its ETag; make it a 304 if `If-None-Match` names that.

    Raise PreconditionFailed if `If-Match` names another one.
    """
    response.headers["Cache-Control"] = "private, no-cache"
    response.set_etag(etag)
    if not _CONDITIONS.isdisjoint(request.environ):
        response.make_conditional(request)
    if response.status_code == HTTPStatus.PRECONDITION_FAILED:
        raise PreconditionFailed
    return response
