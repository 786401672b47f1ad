"""A result as one text: Markdown or plain, pages joined by a separator."""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Iterable, Iterator
from typing import Any, Final

from ilios.api.responses.image_links import linked
from ilios.api.responses.presentation import Presentation
from ilios.documents.queries import Result
from ilios.documents.result_pages import ResultPage
from ilios.engines.base import DocumentInfo
from ilios.engines.page_text import PAGE_BREAK, TEXT_PAGE_BREAK
from ilios.engines.text_pieces import plain_pieces

PAGE: Final = "{page}"  #: in a separator: the number of the page that follows
_UNPRINTABLE: Final = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")


def markdown(found: Result, presentation: Presentation, image_folder: str) -> Generator[str]:
    """Yield a result's Markdown, with links to its images in a folder."""
    if presentation.front_matter:
        yield _front_matter(found)
    separator = presentation.page_separator
    pages = found.pages()
    yield from markdown_of(pages, image_folder, PAGE_BREAK if separator is None else separator)


def markdown_of(
    pages: Iterable[ResultPage], image_folder: str, separator: str = PAGE_BREAK
) -> Generator[str]:
    """Return the Markdown of pages, joined by a separator."""
    texts = ((p.number, linked(p.pieces(), p.image_names, image_folder)) for p in pages)
    return _joined(texts, separator)


def text(found: Result, presentation: Presentation) -> Generator[str]:
    """Return a result without markup."""
    separator = presentation.page_separator
    texts = ((page.number, plain_pieces(page.pieces())) for page in found.pages())
    return _joined(texts, TEXT_PAGE_BREAK if separator is None else separator)


def _joined(pages: Iterable[tuple[int, Iterator[str]]], separator: str) -> Generator[str]:
    before = ""
    for number, pieces in pages:
        yield before.replace(PAGE, str(number)) + next(pieces, "")
        yield from pieces
        before = separator


def _front_matter(found: Result) -> str:
    """Return what is known of a document, as YAML that other programs read at the top of a file."""
    info = found.source().info or DocumentInfo()
    known = {
        "title": info.title,
        "author": info.author,
        "created": info.created,
        "modified": info.modified,
        "language": info.language,
        "pages": found.page_total,
        "model": found.document.model,
        "file": found.document.file_name,
    }
    lines = [f"{name}: {_yaml(value)}" for name, value in known.items() if value is not None]
    return "\n".join(["---", *lines, "---", "", ""])


def _yaml(value: Any) -> str:
    """Return a value as JSON, which YAML reads as well; what YAML does not print is escaped."""
    plain = json.dumps(value, ensure_ascii=False)
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", plain)
