"""How the pages of a result are stored. Takes a session, never commits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any, Final

from sqlalchemy import insert as insertion
from sqlalchemy.orm import Session

from ilios.db.models import PagePiece, PageRow, PageWords
from ilios.db.prepared import Prepared
from ilios.engines.base import Page
from ilios.engines.page_structure import Box
from ilios.engines.page_text import PIECE_MAX_CHARACTERS
from ilios.engines.page_words import Words

PAGES_PER_INSERT: Final = 50  #: of at most a piece each; more are not held in memory
# Prepared once: see ilios.queue.jobs.
_INSERT_PAGE = Prepared(insertion(PageRow))
_INSERT_PIECE = Prepared(insertion(PagePiece))
_INSERT_WORDS = Prepared(insertion(PageWords))


@dataclass(frozen=True, slots=True)
class StoredImage:
    """An image of a page, as kept in the object store."""

    name: str
    key: str
    media_type: str
    size_bytes: int
    bbox: Box | None

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "key": self.key,
            "mediaType": self.media_type,
            "bbox": self.bbox,
        }


Images = Mapping[int, list[StoredImage]]
"""The images of a result, by page index."""


def insert(session: Session, document_id: str, pages: Sequence[Page], images: Images) -> None:
    """Insert pages that the document does not have."""
    for start in range(0, len(pages), PAGES_PER_INSERT):
        _insert(session, document_id, pages[start : start + PAGES_PER_INSERT], images)


def _insert(session: Session, document_id: str, pages: Sequence[Page], images: Images) -> None:
    """Insert pages with their first pieces, then what long ones have beyond them, and words."""
    further = [(page.index, _pieces(page)) for page in pages]
    rows = [
        _page_columns(document_id, page, next(pieces), images.get(page.index, []))
        for page, (_, pieces) in zip(pages, further, strict=True)
    ]
    _INSERT_PAGE.run_many(session, rows)
    for index, pieces in further:
        for number, (piece, layout) in enumerate(pieces, start=1):
            _INSERT_PIECE.run(
                session,
                document_id=document_id,
                index=index,
                number=number,
                markdown=piece,
                layout=layout,
            )
    for page in pages:
        if page.words is not None:
            _INSERT_WORDS.run_many(session, _word_rows(document_id, page.index, page.words))


def is_short(page: Page) -> bool:
    """Return whether a page is one row: it has one piece, and no words were asked for."""
    return page.characters <= PIECE_MAX_CHARACTERS and page.words is None


def insert_short(session: Session, pages: Iterable[tuple[str, Page, list[StoredImage]]]) -> None:
    """Insert short pages, each with its document and its images."""
    _INSERT_PAGE.run_many(
        session,
        [
            _page_columns(document_id, page, next(_pieces(page)), images)
            for document_id, page, images in pages
        ],
    )


def _pieces(page: Page) -> Iterator[tuple[str, str | None]]:
    """Yield the pieces of a page, each with the blocks that begin in it."""
    layouts = repeat(None) if page.layout is None else page.layout.pieces()
    return zip(page.pieces(), layouts, strict=False)


def _word_rows(document_id: str, index: int, words: Words) -> Iterator[dict[str, Any]]:
    for number, text in enumerate(words.texts):
        yield {"document_id": document_id, "index": index, "number": number, "words": text}


def _page_columns(
    document_id: str, page: Page, first: tuple[str, str | None], images: list[StoredImage]
) -> dict[str, Any]:
    markdown, layout = first
    return {
        "document_id": document_id,
        "index": page.index,
        "markdown": markdown,
        "width": page.width,
        "height": page.height,
        "dpi": page.dpi,
        "images": [image.as_json() for image in images],
        "image_bytes": sum(image.size_bytes for image in images),
        "confidence": page.confidence,
        "details": page.details,
        "layout": layout,
    }
