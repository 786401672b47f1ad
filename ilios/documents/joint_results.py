"""Results of several documents by one statement each, for a database that is a network away.

Of documents of few pages that are completed by them; others are left to ilios.documents.results.
Takes a session, never commits.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final, NamedTuple, TypeGuard

from sqlalchemy.orm import Session

from ilios.documents import indexing, results, stored_pages
from ilios.documents.page_states import PageState
from ilios.documents.stored_pages import Images
from ilios.engines.base import Conversion

PAGES_MAX: Final = 4  #: of a document
CHARACTERS_MAX: Final = 32 * 1024  #: likewise: GroupCommit joins a few of them


class Result(NamedTuple):
    """What a document is completed with."""

    document_id: str
    state: PageState
    conversion: Conversion
    images: Images


def is_plain(state: PageState | None, conversion: Conversion) -> TypeGuard[PageState]:
    """Return whether these pages, and nothing else, complete the document."""
    pages = conversion.pages
    return (
        state is not None
        and state.may_end_alone
        and not state.has_pages
        and conversion.extraction is None
        and 0 < len(pages) <= PAGES_MAX
        and all(map(stored_pages.is_short, pages))
        and sum(page.characters for page in pages) <= CHARACTERS_MAX
    )


def complete(session: Session, found: Iterable[Result], now: datetime) -> None:
    """Store the pages of documents of which `is_plain` is true, and move them → completed."""
    each = list(found)
    pages = [(one.document_id, page) for one in each for page in one.conversion.pages]
    images = [one.images.get(page.index, []) for one in each for page in one.conversion.pages]
    stored_pages.insert_short(
        session, [(*page, shown) for page, shown in zip(pages, images, strict=True)]
    )
    indexing.add_short(session, pages)
    results.CHECKPOINT_AND_COMPLETE.run_many(
        session,
        [
            results.stored_values(
                one.document_id, one.state, one.conversion, one.conversion.pages, 0
            )
            | {"moment": now}
            for one in each
        ],
    )
