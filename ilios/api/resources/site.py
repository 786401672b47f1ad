"""The pages for browsers, Swagger UI, and the OpenAPI document."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final

from flask import (
    Blueprint,
    Flask,
    Response,
    current_app,
    render_template,
    request,
    send_from_directory,
)

from ilios.api.middleware.auth import public
from ilios.api.services import services
from ilios.engines.detection import media_types

blueprint = Blueprint("site", __name__)

ASSET_SECONDS: Final = 3600
PAGE_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
SPECIFICATION: Final = "ilios.openapi"


def register(app: Flask, specification: dict[str, Any]) -> None:
    """Serve the pages, and the OpenAPI document as it is now."""
    app.extensions[SPECIFICATION] = json.dumps(specification).encode()
    app.register_blueprint(blueprint)


@blueprint.get("/")
@public
def page() -> Response:
    """Serve the page that converts a document."""
    return _page(
        "page.html",
        needs_key=services().authenticator.required,
        accepted=",".join(media_types.NAMED),
        max_size=_rounded(services().settings.max_file_size_bytes),
    )


@blueprint.get("/docs")
@public
def docs() -> Response:
    """Serve Swagger UI, from our own assets."""
    return _page("docs.html")


@blueprint.get("/admin")
@public
def admin() -> Response:
    """Serve the status page, which reads `/api/admin/status` with the operator's key."""
    return _page("admin.html", needs_key=services().authenticator.required)


@blueprint.get("/openapi.json")
@public
def openapi_json() -> Response:
    """Serve the OpenAPI document."""
    body: bytes = current_app.extensions[SPECIFICATION]
    response = Response(body, mimetype="application/json")
    response.headers["Cache-Control"] = "no-cache"
    response.set_etag(hashlib.sha256(body).hexdigest()[:32])
    response.make_conditional(request)
    return response


@blueprint.get("/assets/<path:name>")
@public
def asset(name: str) -> Response:
    """Serve scripts, styles and images of the pages."""
    return send_from_directory(f"{current_app.root_path}/static", name, max_age=ASSET_SECONDS)


def _rounded(size_bytes: int) -> str:
    for unit, bytes_per_unit in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if size_bytes >= bytes_per_unit:
            return f"{size_bytes / bytes_per_unit:.3g} {unit}"
    return f"{size_bytes} bytes"


def _page(template: str, **values: object) -> Response:
    response = Response(render_template(template, **values), mimetype="text/html")
    response.headers["Content-Security-Policy"] = PAGE_POLICY
    response.headers["Cache-Control"] = "no-cache"
    return response
