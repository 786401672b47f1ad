"""Request ids and traces: the client's own if they are valid, else new ones.

Both are in every line of the log, the id in the answer too.
"""

from __future__ import annotations

import re

from flask import Flask, Response, g, request

from ilios.api.middleware import access_log
from ilios.core import ids
from ilios.core.telemetry import tracing
from ilios.core.telemetry.tracing import Origin

HEADER = "X-Request-ID"
_VALID = re.compile(r"[A-Za-z0-9._-]{1,100}")


def register(app: Flask) -> None:
    """Give each request its id first of all, and record it for the log last of all."""
    app.before_request(_begin)
    app.after_request(_finish)


def _begin() -> None:
    asked = request.headers.get(HEADER, "")
    g.request_id = asked if _VALID.fullmatch(asked) else ids.new_id()
    traceparent = tracing.continue_trace(request.headers.get(tracing.HEADER))
    tracing.begin(Origin(g.request_id, traceparent))


def _finish(response: Response) -> Response:
    response.headers[HEADER] = g.request_id
    access_log.record(response)
    return response
