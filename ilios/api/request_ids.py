"""Every request has an id: the client's own if it is sane, on the answer and in every log line."""

from __future__ import annotations

import re
import time

import structlog
from flask import Flask, Response, g, request

from ilios import ids, logs

log = logs.get(__name__)

HEADER = "X-Request-ID"
_SANE = re.compile(r"[A-Za-z0-9._-]{1,100}")


def register(app: Flask) -> None:
    """Name requests before anything else happens, and log them after everything else."""
    app.before_request(_begin)
    app.after_request(_finish)


def _begin() -> None:
    asked = request.headers.get(HEADER, "")
    g.request_id = asked if _SANE.fullmatch(asked) else ids.new_id()
    g.started = time.perf_counter()
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=g.request_id)


def _finish(response: Response) -> Response:
    response.headers[HEADER] = g.request_id
    log.info(
        "request.answered",
        method=request.method,
        route=str(request.url_rule or ""),  # never the path: a presigned link is a secret
        status=response.status_code,
        duration_ms=round((time.perf_counter() - g.started) * 1000, 1),
    )
    return response
