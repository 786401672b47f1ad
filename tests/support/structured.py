"""Documents with blocks, details and words, which no engine has to make."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from ilios.core import clock
from ilios.db.database import Database
from ilios.documents import results
from ilios.documents.stored_pages import Images, StoredImage
from ilios.engines import page_details
from ilios.engines.base import Conversion, DocumentInfo, ImageFile, Page, Usage
from ilios.engines.page_layout import Layout
from ilios.engines.page_structure import Block, Line, Link, Table, Word
from ilios.engines.page_words import Words
from tests.support import documents

INFO = DocumentInfo(title="Herons", author="A. Heron", language="en", page_count=3)
PAGES_AT_ONCE = 500

_TITLE = "# Herons"
_TEXT = "They stand in shallow water and wait."
_TABLE = "| bird | legs |\n| --- | --- |\n| heron | 2 |"
_IMAGE = "![heron](page-{number}-image-1.png)"


def page(index: int) -> Page:
    """Return a page with a title, a paragraph, a table, an image, and a footer taken out."""
    number = index + 1
    name = f"page-{number}-image-1.png"
    parts = [f"{_TITLE} {number}", _TEXT, _TABLE, _IMAGE.format(number=number)]
    markdown = "\n\n".join(parts)
    title, text, table, image = (
        (markdown.index(part), markdown.index(part) + len(part)) for part in parts
    )
    line = Line(*text, (72, 90, 300.5, 102), 0.98)
    blocks = (
        Block("title", *title, level=1, box=(72, 60, 180.5, 78)),
        Block("text", *text, box=(72, 90, 300.5, 102), confidence=0.98, lines=(line,)),
        Block("table", *table, table_id=f"table-{number}-1"),
        Block("image", *image, box=(72, 200, 300, 400), image_name=name),
        Block("footer", len(markdown), len(markdown), text=f"page {number}"),
    )
    figure = ImageFile(
        name, Path(name), "image/png", (72, 200, 300, 400), "Figure 1", '{"bird": "heron"}'
    )
    return Page(
        index,
        markdown,
        width=595.3,
        height=841.9,
        images=(figure,),
        confidence=0.97,
        footer=f"page {number}",
        links=(Link("water", "https://example.org/water"), Link(None, "https://example.org")),
        tables=(Table(f"table-{number}-1", *table, "markdown", (72, 110, 300, 180)),),
        turns=1,
        layout=Layout.of(blocks),
        words=Words.of(Word(word, 0.9, (1, 2, 3, 4.5)) for word in _TEXT.split()),
    )


def plain_page(index: int, markdown: str = "Plain") -> Page:
    """Return a page of an engine that makes nothing but Markdown."""
    return Page(index, markdown)


def add_result(
    database: Database,
    pages: Iterable[Page],
    *,
    owner: str = "anonymous",
    info: DocumentInfo | None = INFO,
    **document: Any,
) -> str:
    """Return the id of a document that is completed with these pages; their images are no files.

    `document` is what `documents.add_document` takes.
    """
    document_id, _ = documents.add_document(database, owner=owner, **document)
    left = iter(pages)
    while some := list(islice(left, PAGES_AT_ONCE)):
        _store(database, document_id, some, info)
    with database.writing() as session:
        results.complete(session, document_id, clock.now())
    return document_id


def _store(
    database: Database, document_id: str, pages: Sequence[Page], info: DocumentInfo | None
) -> None:
    made = tuple(map(page_details.bounded, pages))  # as engines return them
    conversion = Conversion(made, Usage(len(pages), "embedded"), info=info)
    images: Images = {
        one.index: [
            StoredImage(image.name, f"key-{image.name}", image.media_type, 100, image.bbox)
            for image in one.images
        ]
        for one in pages
    }
    with database.writing() as session:
        results.checkpoint(session, document_id, conversion, images)
