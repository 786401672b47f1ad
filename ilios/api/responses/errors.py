"""Errors as HTTP answers: the one table of statuses, and the problem document (RFC 9457)."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from flask import Flask, Response, json, request
from werkzeug.exceptions import HTTPException, InternalServerError

from ilios.api.application import current
from ilios.api.responses import error_shapes
from ilios.api.responses.error_shapes import Problem
from ilios.api.responses.links import status_url, without_token
from ilios.core import (
    archive_errors,
    conversion_errors,
    errors,
    idempotency_errors,
    password_errors,
    request_errors,
    url_errors,
    webhook_errors,
)
from ilios.core.errors import IliosError
from ilios.core.immediate_errors import ConversionFailed, StillRunning
from ilios.core.listener_errors import TooManyListeners
from ilios.core.telemetry import logs, metrics

log = logs.get(__name__)

PROBLEM_JSON: Final = "application/problem+json"
TYPE_PREFIX: Final = "urn:ilios:error:"
UNAVAILABLE_RETRY_SECONDS: Final = 5

STATUS: Final[dict[type[IliosError], int]] = {
    request_errors.RequestError: 400,
    request_errors.Unauthorized: 401,
    conversion_errors.BudgetSpent: 402,
    request_errors.StorageQuotaExceeded: 402,
    request_errors.InsufficientScope: 403,
    request_errors.OriginNotAllowed: 403,
    request_errors.NotFound: 404,
    request_errors.SlowBody: 408,
    request_errors.Conflict: 409,
    request_errors.Gone: 410,
    request_errors.FileTooLarge: 413,
    request_errors.UnsupportedType: 415,
    archive_errors.ArchiveGiven: 415,
    request_errors.HostNotAllowed: 421,
    request_errors.InvalidChunkSize: 422,
    request_errors.OptionUnavailable: 422,
    request_errors.InvalidSchema: 422,
    idempotency_errors.IdempotencyKeyReused: 422,
    url_errors.UrlNotAllowed: 422,
    password_errors.PasswordRequired: 422,
    webhook_errors.WebhookSecretMissing: 422,
    webhook_errors.WebhookUrlMissing: 422,
    ConversionFailed: 422,
    conversion_errors.ConversionError: 422,
    conversion_errors.DailyPagesSpent: 429,
    request_errors.RateLimited: 429,
    TooManyListeners: 429,
    request_errors.TooManyWaiting: 429,
    conversion_errors.ObjectMissing: 404,
    conversion_errors.StorageUnavailable: 503,
    request_errors.Busy: 503,
    conversion_errors.DiskFull: 507,
    errors.DatabaseFull: 507,
    errors.DatabaseBusy: 503,
    StillRunning: 504,
}
"""The status of a class and of its subclasses without a row of their own."""

_HTTP_DETAILS: Final = {
    400: "The request cannot be read: its host or its path is none.",
    404: "There is nothing at this path. /docs lists what there is.",
    405: "This path does not take this method. Allow lists those that it takes.",
    412: "What is there is not what If-Match names. Leave the header out.",
    416: "The object does not have this range of bytes.",
}

_LATE_STATUS: Final = {
    cls.code: STATUS[cls]
    for cls in (
        *(conversion_errors.BudgetSpent, conversion_errors.DailyPagesSpent),
        *(request_errors.StorageQuotaExceeded, request_errors.FileTooLarge),
        request_errors.UnsupportedType,
        archive_errors.ArchiveGiven,
    )
}
"""Of conversions that were accepted, and ended at a limit, or for what their file is, once their
pages were counted or their address was fetched."""

SLEPT_MAX_SECONDS: Final = 60
"""A longer Retry-After is not told to clients of dialects: some sleep through all of it."""
REPEATED_STATUSES: Final = (429, 502)  #: of a document that has failed for good, elsewhere
ENGINE_FAULT_STATUS: Final = 502  #: a failed conversion for which the document is not to blame


def status_of(error: IliosError) -> int:
    """Return the HTTP status of an error."""
    if isinstance(error, ConversionFailed) and error.engine_fault:
        return ENGINE_FAULT_STATUS
    if isinstance(error, ConversionFailed) and error.code in _LATE_STATUS:
        return _LATE_STATUS[error.code]
    return status_of_class(type(error))


def status_without_repeats(error: IliosError) -> int:
    """Return the status for clients that send again what was answered with 5xx: not a final end.

    What has failed for good is their document's failure then, whatever was to blame.
    """
    status = status_of(error)
    is_final = isinstance(error, ConversionFailed) and status in REPEATED_STATUSES
    return STATUS[ConversionFailed] if is_final else status


def status_of_class(error: type[IliosError]) -> int:
    """Return the HTTP status of a class of errors."""
    return next((STATUS[cls] for cls in error.__mro__ if cls in STATUS), 500)


def register(app: Flask) -> None:
    """Answer every error of the application with a problem document."""
    app.register_error_handler(IliosError, _domain_error)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unexpected_error)


def problem(status: int, code: str, title: str, detail: str, **extra: Any) -> Response:
    """Answer the present request with a problem document, to which `extra` is added.

    Below a path of a dialect the answer has the shape of that.
    """
    asked = current()
    path = without_token(asked.path)
    shape = error_shapes.of(asked.path)
    if shape is not None:
        return shape(Problem(status, code, title, detail, asked.request_id, extra, path))
    document = problem_document(status, code, title, detail, path=path, request_id=asked.request_id)
    return Response(json.dumps({**document, **extra}), status, mimetype=PROBLEM_JSON)


def problem_document(
    status: int, code: str, title: str, detail: str, *, path: str, request_id: str
) -> dict[str, Any]:
    """Return the fields of a problem document; two are for clients of the predecessor."""
    return {
        "type": TYPE_PREFIX + code,
        "title": title,
        "status": status,
        "detail": detail,
        "instance": path,
        "code": code,
        "requestId": request_id,
        "error": title,
        "details": detail,
    }


def _domain_error(error: IliosError) -> Response:
    is_dialect = error_shapes.of(request.path) is not None
    status = status_without_repeats(error) if is_dialect else status_of(error)
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        return _unexpected_error(error)
    if error.code in metrics.LIMIT_CODES:
        metrics.KEY_REFUSALS.labels(error.code).inc()
    response = problem(status, error.code, error.title, error.detail, **_extras(error))
    retry_after = _retry_after(error, status)
    is_told = not is_dialect or (retry_after or 0) <= SLEPT_MAX_SECONDS
    if retry_after is not None and is_told:
        response.headers["Retry-After"] = str(retry_after)
    if status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _extras(error: IliosError) -> dict[str, Any]:
    if isinstance(error, archive_errors.BatchRefused):
        return {
            "errors": [
                {
                    "name": name,
                    "code": reason.code,
                    "detail": reason.detail,
                    **({"archive": archive} if archive else {}),
                }
                for name, reason, archive in error.reasons
            ]
        }
    if isinstance(error, request_errors.InvalidSchema):
        return {"path": error.path}
    document_id = getattr(error, "document_id", None)
    return {"id": document_id, "statusUrl": status_url(document_id)} if document_id else {}


def _retry_after(error: IliosError, status: int) -> int | None:
    seconds: int | None = getattr(error, "retry_after_seconds", None)
    if seconds is None and status == HTTPStatus.SERVICE_UNAVAILABLE:
        return UNAVAILABLE_RETRY_SECONDS
    return seconds


def _http_error(error: HTTPException) -> Response:
    """Answer what Flask itself refuses: unknown routes, wrong methods."""
    status = HTTPStatus(error.code or 500)
    response = problem(
        status, code_of(status), status.phrase, _HTTP_DETAILS.get(status, status.phrase)
    )
    for name, value in error.get_headers():
        if name.lower() != "content-type":
            response.headers[name] = value
    return response


def _unexpected_error(error: Exception) -> Response:
    log.error("request.failed", method=request.method, exc_info=error)
    title = InternalServerError().name
    return problem(
        500, "internal_error", title, "The service failed; its log has the cause under requestId."
    )


CODES: Final = {
    HTTPStatus.BAD_REQUEST: "malformed_request",
    HTTPStatus.NOT_FOUND: "not_found",
    HTTPStatus.METHOD_NOT_ALLOWED: "method_not_allowed",
    HTTPStatus.REQUEST_TIMEOUT: "request_timeout",
    HTTPStatus.PRECONDITION_FAILED: "precondition_failed",
    HTTPStatus.REQUEST_URI_TOO_LONG: "uri_too_long",
    HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE: "range_not_satisfiable",
    HTTPStatus.EXPECTATION_FAILED: "expectation_failed",
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: "header_fields_too_large",
    HTTPStatus.NOT_IMPLEMENTED: "not_implemented",
}
INVALID_LENGTH: Final = "invalid_content_length"
OTHER: Final = "http_error"


def code_of(status: HTTPStatus) -> str:
    """Return the stable code of a status that no class of errors has."""
    return CODES.get(status, OTHER)
