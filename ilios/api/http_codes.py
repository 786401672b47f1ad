"""The codes of what HTTP itself refuses. Written out: Python renames statuses between versions."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

CODES: Final = {
    HTTPStatus.BAD_REQUEST: "malformed_request",
    HTTPStatus.NOT_FOUND: "not_found",
    HTTPStatus.METHOD_NOT_ALLOWED: "method_not_allowed",
    HTTPStatus.REQUEST_TIMEOUT: "request_timeout",
    HTTPStatus.REQUEST_URI_TOO_LONG: "uri_too_long",
    HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE: "range_not_satisfiable",
    HTTPStatus.EXPECTATION_FAILED: "expectation_failed",
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: "header_fields_too_large",
    HTTPStatus.NOT_IMPLEMENTED: "not_implemented",
}
INVALID_LENGTH: Final = "invalid_content_length"
OTHER: Final = "http_error"


def code_of(status: HTTPStatus) -> str:
    """The stable code of a status that no class of errors has."""
    return CODES.get(status, OTHER)
