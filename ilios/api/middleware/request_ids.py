"""Request ids and traces: the client's own if they are valid, else new ones.

Both are in every line of the log, the id in the answer too.
"""

from __future__ import annotations

import re

from flask import Response

from ilios.api.application import Application, Request
from ilios.api.middleware import access_log
from ilios.core import ids
from ilios.core.telemetry import spans, tracing
from ilios.core.telemetry.spans import RemoteSpan
from ilios.core.telemetry.tracing import Origin

HEADER = "X-Request-ID"
_VALID = re.compile(r"[A-Za-z0-9._-]{1,100}")


def register(app: Application) -> None:
    """Give each request its id first of all, and record it for the log last of all."""
    app.checks.append(_begin)
    app.completions.append(_finish)


def _begin(request: Request) -> None:
    asked = request.environ.get("HTTP_X_REQUEST_ID", "")
    request.request_id = asked if _VALID.fullmatch(asked) else ids.new_id()
    came = request.environ.get("HTTP_TRACEPARENT")
    traceparent = tracing.continue_trace(came)
    tracing.begin(Origin(request.request_id, traceparent))
    if spans.are_recorded():
        request.span = RemoteSpan(traceparent, tracing.parent_of(came))


def _finish(request: Request, response: Response) -> None:
    response.headers[HEADER] = request.request_id
    access_log.record(request, response)
