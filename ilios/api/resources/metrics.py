"""`/metrics` for Prometheus, and the count of requests."""

from __future__ import annotations

import hmac
import time
from typing import Final

from flask import Response, request

from ilios.accounts.keys import Scope
from ilios.api import request_keys
from ilios.api.application import Application, Request
from ilios.api.blueprint import ApiBlueprint
from ilios.api.middleware.auth import guards_itself
from ilios.api.services import services
from ilios.core.request_errors import Unauthorized
from ilios.core.telemetry import metrics
from ilios.operations.exposition import TEXT_FORMAT, exposition

blueprint = ApiBlueprint("Metrics", __name__, description="Numbers for Prometheus")

METHODS: Final = frozenset(("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"))
NO_ROUTE: Final = "none"  #: the route of a path that has none
OTHER_METHOD: Final = "other"


def register(app: Application) -> None:
    """Count every request, and how long it takes."""
    app.checks.append(_begin)
    app.completions.append(_count)


@blueprint.get("/metrics")
@guards_itself
@blueprint.response(200, {"type": "string"}, content_type="text/plain")
@blueprint.refuses(401)
def metrics_exposition() -> Response:
    """Count jobs, pages, cost, calls and faults, in the text format of Prometheus.

    Open as long as there is neither a METRICS_TOKEN nor a key. Then it takes that token, or a key
    with the scope `admin`.
    """
    _require_permission()
    return Response(exposition(services().collector), content_type=TEXT_FORMAT)


def _require_permission() -> None:
    token, keys = services().settings.metrics_token, services().authenticator
    authorization = request.headers.get("Authorization", "")
    if token is None and not keys.required:
        return
    if token is not None and _is_token(authorization, token.get_secret_value()):
        return  # also when the database, which knows the keys, does not answer
    key = request_keys.key_of_environ(request.environ)
    if not keys.required or Scope.ADMIN not in keys.identify(key).scopes:
        raise Unauthorized(
            "/metrics takes the METRICS_TOKEN of the service, or a key with the scope `admin`."
        )


def _is_token(authorization: str, token: str) -> bool:
    return hmac.compare_digest(authorization.encode(), f"Bearer {token}".encode())


def _begin(request: Request) -> None:
    request.began_at = time.perf_counter()


def _count(request: Request, response: Response) -> None:
    method = request.method if request.method in METHODS else OTHER_METHOD
    route = NO_ROUTE if request.url_rule is None else request.url_rule.rule
    metrics.HTTP_REQUESTS.labels(method, route, response.status_code).inc()
    metrics.HTTP_REQUEST_SECONDS.labels(route).observe(time.perf_counter() - request.began_at)
