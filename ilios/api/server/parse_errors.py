"""Problem documents for request heads that gunicorn's parser refuses.

Such a request does not reach Flask, so request id, log line and headers are added here.
"""

from __future__ import annotations

import json
import re
from http import HTTPStatus

from flask import Flask, Response
from gunicorn.http import errors

from ilios.api.middleware.headers import SECURITY_HEADERS
from ilios.api.responses import error_shapes
from ilios.api.responses.error_shapes import Problem
from ilios.api.responses.errors import INVALID_LENGTH, PROBLEM_JSON, code_of, problem_document
from ilios.api.responses.links import without_token
from ilios.api.server.slow_client_socket import HEAD_MAX_BYTES
from ilios.core import ids
from ilios.core.telemetry import logs, tracing
from ilios.core.telemetry.tracing import Origin

log = logs.get(__name__)

_REQUEST_LINE = re.compile(rb"[A-Z]{1,20} (/[\x21-\x3e\x40-\x7e]{0,200})")
_REQUEST_ID = re.compile(rb"(?im)^x-request-id:[ \t]*([A-Za-z0-9._-]{1,100})[ \t]*\r?$")
_TRACEPARENT = re.compile(rb"(?im)^traceparent:[ \t]*([0-9a-f-]{55,200})[ \t]*\r?$")
_LENGTHS = re.compile(rb"(?im)^content-length:[ \t]*([^\r\n]{0,100})")
REQUEST_LINE_MAX_BYTES = 8190  #: a path with its query
HEADERS_MAX = 100
HEADER_MAX_BYTES = 8190
_STATUS = {
    errors.LimitRequestLine: HTTPStatus.REQUEST_URI_TOO_LONG,
    errors.LimitRequestHeaders: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    errors.ExpectationFailed: HTTPStatus.EXPECTATION_FAILED,
    errors.UnsupportedTransferCoding: HTTPStatus.NOT_IMPLEMENTED,
    errors.ParseException: HTTPStatus.BAD_REQUEST,
    OSError: HTTPStatus.BAD_REQUEST,  # chunks that are not what they say
    TimeoutError: HTTPStatus.REQUEST_TIMEOUT,
}
_DETAILS = {
    HTTPStatus.BAD_REQUEST: "This is not an HTTP request that can be read. Send HTTP/1.1, encoded "
    "as RFC 9112 says.",
    HTTPStatus.REQUEST_TIMEOUT: "The request stopped arriving. Send it again, without pauses.",
    HTTPStatus.REQUEST_URI_TOO_LONG: "The path and its query have more than "
    f"{REQUEST_LINE_MAX_BYTES} bytes. Send a shorter query.",
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: f"The request has more than {HEADERS_MAX} headers, "
    f"one of more than {HEADER_MAX_BYTES} bytes, or {HEAD_MAX_BYTES} bytes in all. Send fewer, or "
    "shorter ones.",
    HTTPStatus.EXPECTATION_FAILED: "Expect takes 100-continue only. Leave the header out.",
    HTTPStatus.NOT_IMPLEMENTED: "Transfer-Encoding takes chunked only. Send the body in chunks, or "
    "with Content-Length.",
}


def status_of(error: BaseException) -> HTTPStatus:
    """Return what a request is answered with that ended so before the application had it."""
    return next(
        (_STATUS[cls] for cls in type(error).__mro__ if cls in _STATUS),
        HTTPStatus.INTERNAL_SERVER_ERROR,
    )


def too_long(head: bytes) -> Exception:
    """Return what gunicorn's parser would raise for a head that has not ended in HEAD_MAX_BYTES."""
    error: Exception = errors.LimitRequestLine(len(head), REQUEST_LINE_MAX_BYTES)
    if b"\r\n" in head[: REQUEST_LINE_MAX_BYTES + len("\r\n")]:
        error = errors.LimitRequestHeaders(f"{HEAD_MAX_BYTES} bytes without an end")
    return error


def problem_answer(status: HTTPStatus, head: bytes, app: Flask) -> bytes:
    """Return the bytes of an answer that closes the connection; `head` is what has arrived.

    Below a path of a dialect of the application it has the shape of that.
    """
    found = _REQUEST_ID.search(head)
    request_id = found[1].decode() if found else ids.new_id()
    code, detail = _code_and_detail(status, head)
    parent = _TRACEPARENT.search(head)
    origin = Origin(request_id, tracing.continue_trace(parent[1].decode() if parent else None))
    log.info(
        "request.refused",
        status=status.value,
        code=code,
        request_id=request_id,
        trace_id=origin.trace_id,
    )
    line = _REQUEST_LINE.match(head)
    path = without_token(line[1].decode()) if line else ""
    problem = Problem(status.value, code, status.phrase, detail, request_id, {}, path)
    response = _shaped(problem, app)
    body = response.get_data()
    headers = (
        f"HTTP/1.1 {response.status}",
        "Connection: close",
        f"Content-Type: {response.content_type}",
        f"Content-Length: {len(body)}",
        f"X-Request-ID: {request_id}",
        *(f"{name}: {value}" for name, value in SECURITY_HEADERS.items()),
    )
    return "\r\n".join((*headers, "", "")).encode() + body


def _shaped(problem: Problem, app: Flask) -> Response:
    shape = error_shapes.of_app(app, problem.path.partition("?")[0])
    if shape is not None:
        with app.app_context():
            return shape(problem)
    document = problem_document(
        problem.status,
        problem.code,
        problem.title,
        problem.detail,
        path=problem.path,
        request_id=problem.request_id,
    )
    reason = f"{problem.status} {problem.title}"
    return Response(json.dumps(document), reason, mimetype=PROBLEM_JSON)


def _code_and_detail(status: HTTPStatus, head: bytes) -> tuple[str, str]:
    lengths = {value.strip().decode("latin-1") for value in _LENGTHS.findall(head)}
    is_wrong = len(lengths) > 1 or any(not (v.isascii() and v.isdigit()) for v in lengths)
    if status is HTTPStatus.BAD_REQUEST and is_wrong:
        shown = " and ".join(sorted(repr(value) for value in lengths))
        return INVALID_LENGTH, f"Content-Length is {shown}; allowed: one number of bytes."
    return code_of(status), _DETAILS.get(status, f"{status.phrase}.")
