"""Deprecated routes: each answer says since when, and when the route ends; calls are counted.

The headers are those of RFC 9745 (`Deprecation`) and RFC 8594 (`Sunset`). docs/stability.md has
what is promised, and the same table for people.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final

from flask import Response
from werkzeug.http import http_date

from ilios.api.application import Application, Request
from ilios.core.telemetry import metrics


@dataclass(frozen=True, slots=True)
class Deprecation:
    """The end of a route: moments in UTC, and the address of a page that says what to call."""

    since: datetime
    sunset: datetime
    link: str


DEPRECATED: Final[Mapping[str, Deprecation]] = MappingProxyType({})
"""By method and route, such as `GET /api/documents/<id:document_id>`."""


def register(app: Application, deprecated: Mapping[str, Deprecation] = DEPRECATED) -> None:
    """Tell the callers of these routes, and count their calls; nothing is done without any."""
    if not deprecated:
        return

    def tell(request: Request, response: Response) -> None:
        method = "GET" if request.method == "HEAD" else request.method
        route = "" if request.url_rule is None else request.url_rule.rule
        found = deprecated.get(f"{method} {route}")
        if found is None:
            return
        response.headers["Deprecation"] = f"@{found.since.timestamp():.0f}"
        response.headers["Sunset"] = http_date(found.sunset)
        response.headers.add("Link", f'<{found.link}>; rel="deprecation"; type="text/html"')
        metrics.HTTP_DEPRECATED_REQUESTS.labels(method, route).inc()

    app.completions.append(tell)
