"""Objects that clients have PUT to a link: whether they are whole, and what they are."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ilios.core.conversion_errors import ObjectMissing
from ilios.core.request_errors import UploadIncomplete
from ilios.db.models import Document
from ilios.engines.detection import media_types
from ilios.storage.base import ObjectStore


def require_whole(store: ObjectStore, document: Document) -> None:
    """Raise UploadIncomplete unless all bytes of a document that was announced are stored."""
    try:
        size_bytes = store.stat(document.storage_key).size_bytes
    except ObjectMissing as error:
        raise UploadIncomplete(
            "No bytes have arrived at uploadUrl. PUT the file there, then complete the upload."
        ) from error
    if size_bytes != document.file_size:
        raise UploadIncomplete(
            f"{size_bytes} bytes have arrived at uploadUrl, but fileSize was "
            f"{document.file_size}. PUT the whole file again, or ask for a new link."
        )


def type_and_hash(path: Path, file_name: str) -> tuple[str, str]:
    """Return type and SHA-256 of a file, from its bytes. Raise UnsupportedType."""
    with path.open("rb") as stream:
        media_type = media_types.sniff(stream, file_name)
        stream.seek(0)
        return media_type, hashlib.file_digest(stream, "sha256").hexdigest()
