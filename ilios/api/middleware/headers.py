"""Headers of every answer: CORS, and the security headers.

`CORS_ORIGINS=*`, as the predecessor had it, lets any page call that has a key. While there is no
key, only origins that are listed by name may read answers.

`Strict-Transport-Security` is not among them: only the proxy that ends TLS knows whether there is
any.
"""

from __future__ import annotations

from flask import Response, current_app

from ilios.api.application import Application, Request
from ilios.api.middleware.access_log import PROBES
from ilios.api.middleware.hosts import is_open
from ilios.core.errors import DatabaseBusy

EXPOSED = (
    "Content-Disposition, Deprecation, ETag, Link, Location, Preference-Applied, RateLimit, "
    "RateLimit-Policy, Retry-After, Sunset, X-Cache, X-Document-Id, X-Extracted-Pages, "
    "X-Failed-Pages, X-Ilios-Warnings, X-Processing-Time-Ms, X-Request-ID"
)
ALLOWED_HEADERS = (
    "Authorization, Content-Type, Idempotency-Key, If-None-Match, Last-Event-ID, Prefer, Range, "
    "X-Api-Key, X-Filename, X-Request-ID, traceparent"
)
ALLOWED_METHODS = "DELETE, GET, HEAD, OPTIONS, POST, PUT"
PREFLIGHT_SECONDS = "86400"
NO_CONTENT_POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox"
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",  # for browsers that do not know `frame-ancestors`
    "Content-Security-Policy": NO_CONTENT_POLICY,
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
"""Of every answer; a view may set others."""
_BY_LOWER_NAME = {name.lower(): (name, value) for name, value in SECURITY_HEADERS.items()}


def register(app: Application, cors_origins: str) -> None:
    """Answer CORS preflights, and add the headers to every answer."""
    app.config["CORS_ORIGINS"] = frozenset(o.strip() for o in cors_origins.split(",") if o.strip())
    app.checks.append(_preflight)
    app.completions.append(_add_headers)


def _preflight(request: Request) -> Response | None:
    if request.method != "OPTIONS" or "Access-Control-Request-Method" not in request.headers:
        return None
    response = Response(status=204)
    response.headers["Access-Control-Allow-Methods"] = ALLOWED_METHODS
    response.headers["Access-Control-Allow-Headers"] = ALLOWED_HEADERS
    response.headers["Access-Control-Max-Age"] = PREFLIGHT_SECONDS
    return response


def _add_headers(request: Request, response: Response) -> None:
    _allow_origin(request, response)
    present = {name.lower() for name, _ in response.headers}
    response.headers.extend(
        [field for lower, field in _BY_LOWER_NAME.items() if lower not in present]
    )


def _allow_origin(request: Request, response: Response) -> None:
    origin = request.environ.get("HTTP_ORIGIN")
    if origin is None and request.path in PROBES:
        return  # no page asks, and a probe is answered without the database
    origins: frozenset[str] = current_app.config["CORS_ORIGINS"]
    if "*" in origins and _needs_key(request):
        response.headers["Access-Control-Allow-Origin"] = "*"
    else:
        response.vary.add("Origin")
        if origin is None or origin not in origins:
            return
        response.headers["Access-Control-Allow-Origin"] = origin
    response.headers["Access-Control-Expose-Headers"] = EXPOSED


def _needs_key(request: Request) -> bool:
    """Return whether it does; False where only the database could tell, and does not.

    By now the request may have been served: what it has got is not to become an error.
    """
    try:
        return not is_open(request)
    except DatabaseBusy:
        return False
