"""Stream results and stored objects: page by page or in blocks, never whole in memory."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from datetime import datetime
from typing import Any

from flask import Response, request
from werkzeug.wsgi import wrap_file

from ilios.api.responses.plain_text import plain_text
from ilios.db.models import PAGE_BREAK, Document, PageRow
from ilios.storage.base import ObjectStore

TEXT_PAGE_BREAK = "\n\n"
BLOCK_BYTES = 64 * 1024


def markdown(document_id: str, pages: Iterable[PageRow]) -> Iterator[str]:
    """Yield a document's Markdown, pages joined by a rule, with links to its images here."""
    return _joined((_linked(document_id, page) for page in pages), PAGE_BREAK)


def text(pages: Iterable[PageRow]) -> Iterator[str]:
    """Yield the text of pages, joined by a blank line."""
    return _joined((plain_text(page.markdown) for page in pages), TEXT_PAGE_BREAK)


def json_with_content(
    head: dict[str, Any], content: Iterable[str], tail: dict[str, Any]
) -> Iterator[str]:
    """Yield a JSON object: the fields of `head`, `content` in pieces, the fields of `tail`."""
    yield json.dumps(head)[:-1] + (", " if head else "") + '"content": "'
    for piece in content:
        yield json.dumps(piece)[1:-1]
    yield '", ' + json.dumps(tail)[1:]


def processing_ms(document: Document) -> int:
    """Return how long the conversion took, in milliseconds; 0 if it has not ended."""
    begun: datetime | None = document.started_at
    if begun is None or document.processed_at is None:
        return 0
    return round((document.processed_at - begun).total_seconds() * 1000)


def _joined(parts: Iterable[str], separator: str) -> Iterator[str]:
    for number, part in enumerate(parts):
        yield separator + part if number else part


def _linked(document_id: str, page: PageRow) -> str:
    names = [re.escape(image["name"]) for image in page.images]
    if not names:
        return page.markdown
    references = re.compile(rf"\]\(({'|'.join(names)})(?=[\s)])")
    return references.sub(rf"](/api/documents/{document_id}/images/\1", page.markdown)


def stored(
    store: ObjectStore, key: str, media_type: str, *, disposition: str = "inline"
) -> Response:
    """Answer with an object of the store. Raise ObjectMissing before anything is sent.

    Browsers neither guess its type nor run it: see ilios.api.middleware.headers.
    """
    size_bytes = store.stat(key).size_bytes
    with ExitStack() as opening:
        file = opening.enter_context(store.open(key))
        closing = opening.pop_all()
    response = Response(wrap_file(request.environ, file, BLOCK_BYTES), mimetype=media_type)
    response.direct_passthrough = True
    response.content_length = size_bytes
    response.call_on_close(closing.close)
    response.headers["Content-Disposition"] = disposition
    response.headers["Cache-Control"] = "private, no-cache"
    return response
