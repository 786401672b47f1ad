"""`/v1/files`: files that clients upload before they have them read."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from flask import Response

from ilios.accounts.keys import Scope
from ilios.api.dialects import answers, bodies
from ilios.api.dialects.blueprint import OPAQUE, DialectBlueprint
from ilios.api.dialects.mistral import batches, error_shape, file_objects, list_pages, sources
from ilios.api.dialects.mistral.batch_objects import PURPOSE as BATCH_JOB
from ilios.api.dialects.options import note
from ilios.api.middleware.auth import current_owner, needs
from ilios.api.requests import idempotency
from ilios.api.requests.idempotency import creates
from ilios.api.responses import streaming
from ilios.api.responses.errors import PROBLEM_JSON
from ilios.api.responses.links import OBJECTS, absolute
from ilios.api.schemas.responses import BINARY
from ilios.api.services import services
from ilios.core.conversion_errors import ObjectMissing
from ilios.core.file_names import attachment
from ilios.core.request_errors import KeptFileNotFound
from ilios.documents.kept_files import LIFETIME_DEFAULT, LIFETIME_MAX, LISTED_MAX

HOUR: Final = timedelta(hours=1)
HOURS_MAX: Final = 1_000_000  #: that a client may ask for; no file is kept for longer than here
LISTED_DEFAULT: Final = 100

blueprint = DialectBlueprint(
    "Mistral OCR: files",
    __name__,
    paths=("/v1/files",),
    shape=error_shape.shaped,
    error_schema=error_shape.SCHEMA,
    error_type=PROBLEM_JSON,
    description="Files for OCR, as Mistral's API takes them. They expire within a week.",
)


@blueprint.post("/v1/files")
@needs(Scope.CONVERT)
@creates
@blueprint.doc(
    requestBody={
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "title": "MistralFileForm",
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": BINARY,
                        "purpose": {"type": "string", "enum": list(file_objects.PURPOSES)},
                        "expiry": {"type": "integer", "minimum": 1, "maximum": HOURS_MAX},
                    },
                }
            }
        },
    }
)
@blueprint.response(200, file_objects.SCHEMA)
@blueprint.refuses(400, 401, 402, 403, 413, 429, 503, 507)
def file_upload() -> Response:
    """Keep a file for `expiry` hours, 24 without any, 168 at most."""
    form = bodies.receive_form()
    purpose = form.options.choice("purpose", file_objects.PURPOSES) or file_objects.PURPOSES[0]
    hours = form.options.whole("expiry", 1, HOURS_MAX)
    form.options.ignore("visibility")
    notes = form.options.notes()
    lifetime = LIFETIME_DEFAULT if hours is None else hours * HOUR
    if lifetime > LIFETIME_MAX:
        lifetime = LIFETIME_MAX
        notes.append(note(f"The file is kept for {LIFETIME_MAX // HOUR} hours, the most there are"))
    kept = services().kept_files.keep(
        form.file,
        owner=current_owner(),
        purpose=purpose,
        lifetime=lifetime,
        repeatable=idempotency.repeatable(),
    )
    return answers.small({**file_objects.shown(kept), "warnings": notes})


@blueprint.get("/v1/files")
@needs(Scope.READ)
@blueprint.doc(
    parameters=[
        *list_pages.PARAMETERS,
        {"in": "query", "name": "purpose", "schema": {"type": "string"}},
    ]
)
@blueprint.response(200, file_objects.LIST_SCHEMA)
@blueprint.refuses(400, 401, 403, 429)
def file_list() -> Response:
    """List the key's files, the newest first, in pages that count from 0."""
    options = bodies.query_options()
    page = list_pages.asked(options, LISTED_MAX, LISTED_DEFAULT)
    found = services().kept_files.listed(
        owner=current_owner(),
        purpose=options.text("purpose"),
        skipped=page.skipped,
        at_most=page.size,
    )
    data = [file_objects.shown(kept) for kept in found.files]
    return answers.small({"data": data, "object": "list", "total": found.total})


@blueprint.get("/v1/files/<id:file_id>")
@needs(Scope.READ)
@blueprint.response(200, file_objects.SCHEMA)
@blueprint.refuses(400, 401, 403, 404, 429)
def file_retrieve(file_id: str) -> Response:
    """Show a file."""
    kept = services().kept_files.file(file_id, owner=current_owner())
    return answers.small({**file_objects.shown(kept), "deleted": False})


@blueprint.delete("/v1/files/<id:file_id>")
@needs(Scope.CONVERT)
@blueprint.response(
    200,
    {
        "title": "MistralDeletedFile",
        "type": "object",
        "required": ["id", "object", "deleted"],
        "properties": {
            "id": {"type": "string"},
            "object": {"type": "string", "enum": ["file"]},
            "deleted": {"type": "boolean"},
        },
    },
)
@blueprint.refuses(400, 401, 403, 404, 429, 503)
def file_delete(file_id: str) -> Response:
    """Delete a file. What was made of it is a document of its own, and stays."""
    owner = current_owner()
    kept = services().kept_files.file(file_id, owner=owner)
    services().actions.delete_file(kept, owner=owner)
    return answers.small({"id": kept.id, "object": "file", "deleted": True})


@blueprint.get("/v1/files/<id:file_id>/content")
@needs(Scope.READ)
@blueprint.response(200, BINARY, content_type=OPAQUE)
@blueprint.refuses(400, 401, 403, 404, 409, 429, 503)
def file_content(file_id: str) -> Response:
    """Give the bytes of a file, or the results of a batch job as lines of JSON.

    409 while documents of the job are under way.
    """
    here, owner = services(), current_owner()
    kept = here.kept_files.file(file_id, owner=owner)
    if kept.purpose == BATCH_JOB:
        return streaming.response(batches.results(kept, owner=owner), OPAQUE)
    try:
        return streaming.stored(
            here.store, kept.key, OPAQUE, disposition=attachment(kept.file_name)
        )
    except ObjectMissing as error:
        raise KeptFileNotFound from error


@blueprint.get("/v1/files/<id:file_id>/url")
@needs(Scope.READ)
@blueprint.doc(
    parameters=[{"in": "query", "name": "expiry", "schema": {"type": "integer", "minimum": 1}}]
)
@blueprint.response(
    200,
    {
        "title": "MistralFileLink",
        "type": "object",
        "required": ["url"],
        "properties": {"url": {"type": "string"}},
    },
)
@blueprint.refuses(400, 401, 403, 404, 429)
def file_url(file_id: str) -> Response:
    """Give a signed link to a file, for `expiry` hours at most, 24 without any."""
    hours = bodies.query_options().whole("expiry", 1, HOURS_MAX)
    lifetime = LIFETIME_DEFAULT if hours is None else min(hours * HOUR, LIFETIME_MAX)
    kept = sources.uploaded(file_id)
    token = services().kept_files.token(kept, lifetime)
    return answers.small({"url": absolute(OBJECTS + token)})
