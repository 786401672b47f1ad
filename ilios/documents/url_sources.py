"""The addresses of documents, and what is known of earlier fetches. Takes a session, never commits.

What an address gave before is looked up by its owner: what one key has fetched says nothing to
another, not even that it exists.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy import bindparam, delete, insert, literal_column, or_, select, update
from sqlalchemy.orm import Session

from ilios.core.conversion_errors import NotFetched
from ilios.db.models import DELETED, Document, UrlSource
from ilios.db.prepared import Prepared, Runner
from ilios.outbound.addresses import Address

_THIS: Final = UrlSource.document_id == bindparam("of_document")
_INSERT = Prepared(
    insert(UrlSource),
    ["document_id", "owner", "url", "url_digest", "first_name", "is_named", "uses_cache"],
)
_OF = Prepared(
    select(UrlSource.url, UrlSource.url_digest, UrlSource.is_named, UrlSource.uses_cache).where(
        _THIS
    )
)
_EARLIER = Prepared(
    select(
        Document.id,
        Document.file_name,
        Document.file_size,
        Document.sha256,
        Document.storage_key,
        UrlSource.final_digest,
        UrlSource.etag,
        UrlSource.last_modified,
    )
    .join(Document, Document.id == UrlSource.document_id)
    .where(
        UrlSource.owner == bindparam("of_owner"),
        UrlSource.url_digest == bindparam("digest"),
        or_(UrlSource.etag.is_not(None), UrlSource.last_modified.is_not(None)),
        Document.owner == bindparam("of_owner"),
        Document.status != DELETED,
        Document.storage_key != literal_column("''"),
        Document.sha256.is_not(None),
    )
    .order_by(UrlSource.fetched_at.desc())
    .limit(1)
)
_NOTE = Prepared(
    update(UrlSource)
    .where(_THIS)
    .values(
        url=None,
        final_digest=bindparam("final"),
        etag=bindparam("tag"),
        last_modified=bindparam("modified"),
        fetched_at=bindparam("moment"),
    )
)
_FORGET = Prepared(delete(UrlSource).where(_THIS))


class Source(NamedTuple):
    """Where a document is to be fetched from."""

    url: str
    digest: str
    is_named: bool
    uses_cache: bool


class Earlier(NamedTuple):
    """What the same address gave to the same owner, and by what it is told to be unchanged."""

    document_id: str
    file_name: str
    size_bytes: int
    sha256: str
    storage_key: str
    final_digest: str
    etag: str | None
    last_modified: str | None


def insert_source(
    session: Session,
    document_id: str,
    owner: str,
    address: Address,
    *,
    first_name: str | None,
    is_named: bool,
    uses_cache: bool,
) -> None:
    """Store the address of a document that was just inserted."""
    _INSERT.run(
        session,
        document_id=document_id,
        owner=owner,
        url=address.url,
        url_digest=address.digest,
        first_name=first_name,
        is_named=is_named,
        uses_cache=uses_cache,
    )


def source_of(on: Runner, document_id: str) -> Source:
    """Return where a document is to be fetched from. Raises NotFetched when that is forgotten."""
    row = _OF.first(on, of_document=document_id)
    if row is None or row[0] is None:
        raise NotFetched("The address of this document is not known any more. Submit it again.")
    return Source(*row)


def earlier(on: Runner, owner: str, digest: str) -> Earlier | None:
    """Return the last that an owner got from an address, if it is stored still."""
    row = _EARLIER.first(on, of_owner=owner, digest=digest)
    return None if row is None else Earlier(*row)


def note_fetched(
    session: Session,
    document_id: str,
    final_digest: str | None,
    etag: str | None,
    last_modified: str | None,
    now: datetime,
) -> None:
    """Forget the address of a document whose bytes are here, and note its validators."""
    _NOTE.run(
        session,
        of_document=document_id,
        final=final_digest,
        tag=etag,
        modified=last_modified,
        moment=now,
    )


def forget(session: Session, document_id: str) -> None:
    """Delete what is known of the address of a document, if it has one."""
    _FORGET.run(session, of_document=document_id)
