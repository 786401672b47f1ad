"""The access log: one line per request, written when the last byte of its answer is sent.

The application leaves its part of the line in the WSGI environment. The line has neither path nor
query, for links to objects are secrets.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from flask import Response
from gunicorn.glogging import Logger

from ilios.api.application import Request
from ilios.core.telemetry import logs

log = logs.get(__name__)

ENVIRON_KEY: Final = "ilios.access"
OWNER_CHARACTERS: Final = 12  #: of the hash that an owner is: enough to recognise one
PROBES: Final = ("/livez", "/readyz", "/health", "/metrics")


@dataclass(frozen=True, slots=True)
class Access:
    """The part of the line that only the application knows."""

    route: str | None  #: the pattern of its path; None where there is nothing
    status: int
    owner: str | None
    key_id: str | None


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
        logs.unbind()


def record(request: Request, response: Response) -> None:
    """Leave the application's part of the line in the WSGI environment."""
    caller, rule = request.caller, request.url_rule
    request.environ[ENVIRON_KEY] = Access(
        route=None if rule is None else rule.rule,
        status=response.status_code,
        owner=caller.owner[:OWNER_CHARACTERS] if caller else None,
        key_id=caller.key_id if caller else None,
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
