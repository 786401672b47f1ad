"""Extracted images on their way from a job's workspace to the object store."""

from __future__ import annotations

from ilios.db.database import Database
from ilios.documents import results
from ilios.documents.stored_pages import Images, StoredImage
from ilios.engines.base import Conversion
from ilios.storage.base import ObjectStore
from ilios.storage.object_keys import image_key


def keep_images(
    database: Database,
    store: ObjectStore,
    instance_id: str,
    document_id: str,
    conversion: Conversion,
) -> Images:
    """Store the images of a conversion; none when its document was deleted meanwhile.

    Keys are made of document and name, so that a repetition overwrites its own.
    """
    if not any(page.images for page in conversion.pages):
        return {}
    with database.reading() as session:
        if not results.takes_pages(session, document_id):
            return {}
    kept: dict[int, list[StoredImage]] = {}
    for page in conversion.pages:
        for image in page.images:
            key = image_key(instance_id, document_id, image.name)
            size_bytes = image.path.stat().st_size  # before it is given away
            store.put(key, image.path, image.media_type)
            stored = StoredImage(image.name, key, image.media_type, size_bytes, image.bbox)
            kept.setdefault(page.index, []).append(stored)
    return kept
