"""`/api/documents/upload-…`: documents that are PUT to a presigned link."""

from __future__ import annotations

from typing import Any

from ilios.accounts.keys import Scope
from ilios.api.blueprint import ApiBlueprint
from ilios.api.middleware.auth import current_owner, needs
from ilios.api.requests import idempotency
from ilios.api.requests.idempotency import creates
from ilios.api.responses import serializers
from ilios.api.responses.links import absolute
from ilios.api.schemas.requests import UploadForm
from ilios.api.schemas.responses import UploadCompletedSchema, UploadOfferSchema
from ilios.api.services import services
from ilios.core.file_names import safe_file_name
from ilios.core.request_errors import FileTooLarge, UnsupportedType
from ilios.engines.detection.media_types import EXTENSIONS, base_type

blueprint = ApiBlueprint(
    "Uploads", __name__, url_prefix="/api/documents", description="Uploads to a presigned link."
)


@blueprint.post("/upload-url")
@needs(Scope.CONVERT)
@creates
@blueprint.arguments(UploadForm())
@blueprint.response(200, UploadOfferSchema)
@blueprint.refuses(401, 402, 403, 413, 415, 422, 429, 507)
def upload_url(form: dict[str, Any]) -> Any:
    """Ask for a link to PUT a document to.

    PUT exactly `fileSize` bytes to `uploadUrl`, then complete the upload.
    """
    media_type = base_type(form["mime_type"].partition(";")[0].strip().lower())
    _require_acceptable(form["file_size"], media_type)
    offer = services().submissions.offer_upload(
        owner=current_owner(),
        file_name=safe_file_name(form["file_name"]),
        size_bytes=form["file_size"],
        media_type=media_type,
        retention_days=form["retention_days"],
        repeatable=idempotency.repeatable(),
    )
    return {
        "id": offer.document_id,
        "upload_url": absolute(offer.url),
        "s3_key": offer.key,
        "expires_in": offer.expires_seconds,
    }


@blueprint.post("/upload-complete/<id:document_id>")
@needs(Scope.CONVERT)
@blueprint.response(202, UploadCompletedSchema)
@blueprint.refuses(401, 402, 403, 404, 409, 410, 415, 422, 429, 503, 507)
def upload_complete(document_id: str) -> Any:
    """Queue a document whose bytes have been PUT.

    Type, size and hash are taken from the bytes. 409 when they are missing or of another size.
    """
    document = services().submissions.complete_upload(document_id, current_owner())
    return {
        "id": document.id,
        "status": document.status.value,
        "cached": serializers.is_cached(document),
        "message": serializers.message(document),
    }


def _require_acceptable(size_bytes: int, media_type: str) -> None:
    limit = services().settings.max_file_size_bytes
    if size_bytes > limit:
        raise FileTooLarge(f"fileSize is {size_bytes}; at most {limit} bytes are accepted.")
    if media_type not in EXTENSIONS:
        raise UnsupportedType(
            f"mimeType is {media_type!r:.80}; accepted are {', '.join(sorted(EXTENSIONS))}, "
            "and the types of templates, slide shows and files with macros."
        )
