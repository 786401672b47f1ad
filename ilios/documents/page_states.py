"""What decides about the pages of a document that come in. Takes a session, never commits."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any, Final, NamedTuple

from sqlalchemy import String, bindparam, exists, select
from sqlalchemy.orm import Session

from ilios.accounts import quotas
from ilios.db.dialects import is_in
from ilios.db.models import Document, DocumentStatus, PageRow
from ilios.db.models.statuses import OPEN, READABLE, RETRYABLE
from ilios.db.prepared import Asked, Prepared
from ilios.documents import repository
from ilios.documents.failed_pages import FailedPages

_TAKES_PAGES: Final = (*OPEN, *RETRYABLE)
"""A retry of a failed or cancelled document finds its pages."""
_STATE: Final = select(
    Document.status,
    Document.warnings,
    Document.failed_pages,
    exists().where(PageRow.document_id == Document.id),
    repository.is_joined(OPEN),
)
_ONE = Prepared(_STATE.where(Document.id == bindparam("of_document")))
_IN_LIST: Final = is_in(Document.id, bindparam("of_documents", type_=String))
_MANY = Prepared(_STATE.add_columns(quotas.has_quota(Document.owner), Document.id).where(_IN_LIST))
# Of PostgreSQL alone; in everybody's order, so that no two wait for each other.
_LOCK_MANY = Prepared(
    select(Document.id).where(_IN_LIST).order_by(Document.id).with_for_update(key_share=True)
)


class PageState(NamedTuple):
    """What decides about the pages of a document."""

    status: DocumentStatus
    warnings: list[dict[str, Any]]
    failed_pages: FailedPages | None
    has_pages: bool
    is_awaited_by_others: bool
    has_quota: bool | None = None  #: its owner; None where nobody has looked

    @property
    def may_end_alone(self) -> bool:
        """Whether it is open, without pages that have failed, and nobody has joined it."""
        is_plain = not self.is_awaited_by_others and self.failed_pages is None
        return is_plain and self.status in OPEN

    @property
    def takes_pages(self) -> bool:
        lacks_pages = self.status in READABLE and self.failed_pages is not None
        return self.status in _TAKES_PAGES or lacks_pages or self.is_awaited_by_others


def of(session: Session, document_id: str) -> PageState | None:
    """Return the state of a document; None of one that there is not."""
    row = _ONE.first(session, of_document=document_id)
    return None if row is None else PageState(*row)


def asked_locked(document_ids: Collection[str]) -> tuple[Asked, Asked]:
    """Return the questions that lock documents, and then for their states; see `answered`."""
    listed = {"of_documents": json.dumps(list(document_ids))}
    return Asked(_LOCK_MANY, listed), Asked(_MANY, listed)


def answered(rows: list[tuple[Any, ...]]) -> dict[str, PageState]:
    """Return the states by document."""
    return {document_id: PageState(*state) for *state, document_id in rows}
