"""The pages for browsers, Swagger UI, and the OpenAPI document."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
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

from ilios.api import page_words
from ilios.api.middleware.auth import public
from ilios.api.schemas.requests import SubmitForm
from ilios.api.services import services
from ilios.db.models import DocumentStatus
from ilios.documents.submission import MAX_BATCH_FILES
from ilios.engines.detection import archives, media_types

blueprint = Blueprint("site", __name__)

ASSET_SECONDS: Final = 3600
OWN_ASSETS: Final = "site/"
"""What a new version changes as one: a browser asks whether it has the present files."""
PAGE_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
CONVERTER_POLICY: Final = (
    PAGE_POLICY.replace("img-src 'self' data:", "img-src 'self' blob:")
    + "; require-trusted-types-for 'script'; trusted-types ilios-parser"
)
"""Of the page that shows documents: no text becomes markup, but in the parser that runs nothing."""
LISTED_STATUSES: Final = (
    DocumentStatus.PENDING,
    DocumentStatus.PROCESSING,
    DocumentStatus.COMPLETED,
    DocumentStatus.FAILED,
    DocumentStatus.CANCELLED,
)
_STATIC: Final = Path(__file__).parents[1] / "static" / "site"
_MODULES: Final = sorted(
    path.relative_to(_STATIC).as_posix()
    for path in (*_STATIC.glob("page/*.js"), _STATIC / "elements.js", _STATIC / "charts.js")
)
"""The scripts of the page, which a browser fetches together rather than as it finds them."""
SPECIFICATION: Final = "ilios.openapi"


def register(app: Flask, specification: dict[str, Any]) -> None:
    """Serve the pages, and the OpenAPI document as it is now."""
    app.extensions[SPECIFICATION] = json.dumps(specification).encode()
    app.register_blueprint(blueprint)


@blueprint.get("/")
@public
def page() -> Response:
    """Serve the page for those who send documents, in the language of the browser."""
    settings = services().settings
    language = page_words.language_of(request)
    response = _page(
        "page.html",
        language=language,
        languages=page_words.LANGUAGES.items(),
        words=page_words.catalogue(language),
        modules=_MODULES,
        statuses=LISTED_STATUSES,
        needs_key=services().authenticator.required,
        takes_password="password" in SubmitForm().fields,
        accepted=",".join((*media_types.NAMED, *archives.EXTENSIONS)),
        archives=",".join(archives.EXTENSIONS),
        max_size=_rounded(settings.max_file_size_bytes),
        max_file=settings.max_file_size_bytes,
        max_request=settings.max_request_bytes,
        max_batch=MAX_BATCH_FILES,
    )
    response.headers["Content-Security-Policy"] = CONVERTER_POLICY
    response.headers["Vary"] = "Accept-Language, Cookie"
    return response


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
    seconds = 0 if name.startswith(OWN_ASSETS) else ASSET_SECONDS
    return send_from_directory(f"{current_app.root_path}/static", name, max_age=seconds)


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
