"""The access log: one line per request, written when the last byte of its answer is sent.

The span of a request ends there too, and says the same.

The application leaves its part of the line in the WSGI environment. The line has neither path nor
query, for links to objects are secrets.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final

from flask import Response
from gunicorn.glogging import Logger

from ilios.api.application import Request
from ilios.core.telemetry import logs, spans, tracing
from ilios.core.telemetry.spans import Attributes, Kind, RemoteSpan

log = logs.get(__name__)

ENVIRON_KEY: Final = "ilios.access"
OWNER_CHARACTERS: Final = 12  #: of the hash that an owner is: enough to recognise one
PROBES: Final = ("/livez", "/readyz", "/health", "/metrics")
METHODS: Final = frozenset(
    ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "CONNECT", "TRACE")
)
OTHER_METHOD: Final = "_OTHER"  #: as OpenTelemetry calls what is none of them


@dataclass(frozen=True, slots=True)
class Access:
    """The part of the line that only the application knows."""

    route: str | None  #: the pattern of its path; None where there is nothing
    status: int
    owner: str | None
    key_id: str | None
    span: RemoteSpan | None = None


class GunicornLog(Logger):  # type: ignore[misc]  # gunicorn is untyped
    """gunicorn's logger, which writes through ours."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True

    def access(self, resp: Any, req: Any, environ: Any, request_time: timedelta) -> None:
        """Log a request, also one whose client has left or whose answer broke off."""
        seen: Access | None = environ.get(ENVIRON_KEY)
        if seen is not None:
            log_request(req.method, seen, resp, environ.get("REMOTE_ADDR"), request_time)
            if seen.span is not None and seen.route not in PROBES:
                record_span(seen.span, req.method, environ["wsgi.url_scheme"], seen, request_time)
        logs.unbind()


def record(request: Request, response: Response) -> None:
    """Leave the application's part of the line in the WSGI environment."""
    caller, rule = request.caller, request.url_rule
    request.environ[ENVIRON_KEY] = Access(
        route=None if rule is None else rule.rule,
        status=response.status_code,
        owner=caller.owner[:OWNER_CHARACTERS] if caller else None,
        key_id=caller.key_id if caller else None,
        span=request.span,
    )


def log_request(
    method: str, seen: Access, resp: Any, client: str | None, request_time: timedelta
) -> None:
    duration_ms = round(request_time.total_seconds() * 1000, 1)
    if seen.route in PROBES:
        log.debug(
            "probe.answered",
            method=method,
            route=seen.route,
            status=seen.status,
            duration_ms=duration_ms,
        )
        return
    log.info(
        "request.answered",
        method=method,
        route=seen.route,
        status=seen.status,
        duration_ms=duration_ms,
        bytes=resp.sent,
        client=client,
        owner=seen.owner,
        key_id=seen.key_id,
    )


def record_span(
    span: RemoteSpan, method: str, scheme: str, seen: Access, request_time: timedelta
) -> None:
    """End the span of a request, by OpenTelemetry's conventions for HTTP, but without `url.path`.

    What is no method of HTTP stands in no name: names are few.
    """
    is_known, is_fault = method in METHODS, seen.status >= HTTPStatus.INTERNAL_SERVER_ERROR
    attributes: Attributes = {
        "http.request.method": method if is_known else OTHER_METHOD,
        "http.response.status_code": seen.status,
        "url.scheme": scheme,
    }
    others = {
        "http.route": seen.route,
        "ilios.request_id": tracing.current().request_id,
        "ilios.owner": seen.owner,
        "ilios.key_id": seen.key_id,
        spans.ERROR_TYPE: str(seen.status) if is_fault else None,
    }
    attributes.update((name, value) for name, value in others.items() if value is not None)
    name = method if is_known else "HTTP"
    if seen.route is not None:
        name = f"{name} {seen.route}"
    spans.record(span.ended(name, Kind.SERVER, request_time.total_seconds(), attributes))
