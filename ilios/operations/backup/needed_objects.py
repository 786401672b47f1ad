"""The objects that the rows of a database lead to, and what became of those that are gone."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import bindparam, select

from ilios.db.models import (
    DELETED,
    PENDING,
    PROCESSING,
    Document,
    DocumentStatus,
    Instance,
    Job,
    PageRow,
)
from ilios.db.prepared import Prepared, Runner
from ilios.operations.backup.manifest import StoredObject
from ilios.storage.object_keys import part_key

_ORIGINALS = Prepared(
    select(Document.storage_key, Document.id, Document.sha256).where(
        Document.status != DELETED, Document.storage_key != "", Document.sha256.is_not(None)
    )
)
_IMAGES = Prepared(select(PageRow.images, PageRow.document_id))
_PARTS = Prepared(
    select(Job.document_id, Job.first_page, Job.last_page).where(
        Job.status.in_((PENDING, PROCESSING)),
        Job.document_id.is_not(None),
        Job.first_page.is_not(None),
    )
)
_INSTANCE = Prepared(select(Instance.id))
_NOW = Prepared(
    select(Document.status, Document.storage_key, Document.owner).where(
        Document.id == bindparam("of_document")
    )
)


def each(on: Runner) -> Iterator[StoredObject]:
    """Yield the objects of originals, images, and page ranges that wait for their conversion."""
    for key, document_id, sha256 in _ORIGINALS.each(on):
        yield StoredObject(key, document_id, sha256)
    for images, document_id in _IMAGES.each(on):
        for image in images:
            yield StoredObject(image["key"], document_id, None)
    instance_id = instance_of(on)
    for document_id, first, last in _PARTS.each(on):
        yield StoredObject(part_key(instance_id, document_id, first, last), document_id, None)


def instance_of(on: Runner) -> str:
    """Return the id of a database."""
    ((found,),) = _INSTANCE.all(on)
    return str(found)


def has_ended(on: Runner, document_id: str) -> bool:
    """Return whether a document was deleted."""
    row = _NOW.first(on, of_document=document_id)
    return row is None or row[0] is DocumentStatus.DELETED


def new_key(on: Runner, lost: StoredObject) -> str | None:
    """Return where an original is now that is not where it was; None when it did not move."""
    row = _NOW.first(on, of_document=lost.document_id)
    if row is None or lost.sha256 is None or row[1] in ("", lost.key):
        return None
    return str(row[1])


def owner_of(on: Runner, document_id: str) -> str | None:
    """Return whose document it is; None of one that is not there."""
    row = _NOW.first(on, of_document=document_id)
    return None if row is None else str(row[2])
