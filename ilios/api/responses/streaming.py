"""Stream results and stored objects: page by page or in blocks, never whole in memory."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from datetime import datetime
from http import HTTPStatus
from itertools import chain
from typing import Any, Final

from flask import Response, request
from werkzeug.wsgi import wrap_file

from ilios.api.responses.text_pieces import plain_pieces
from ilios.db.models import PAGE_BREAK
from ilios.documents.result_pages import ResultPage
from ilios.documents.snapshots import Shown
from ilios.storage.base import ObjectStore

TEXT_PAGE_BREAK = "\n\n"
BLOCK_BYTES = 64 * 1024
COUNTED_MAX_BYTES: Final = 256 * 1024  #: of a result that is sent with its length
_NAME_MAX_CHARACTERS = 255
_REFERENCE = re.compile(rf"\]\(([A-Za-z0-9._-]{{1,{_NAME_MAX_CHARACTERS}}})(?=[\s)])")
_REFERENCE_MAX_CHARACTERS = _NAME_MAX_CHARACTERS + 3  #: with its signs and what follows


def markdown(document_id: str, pages: Iterable[ResultPage]) -> Iterator[str]:
    """Yield a document's Markdown, pages joined by a rule, with links to its images here."""
    return _joined((_linked(document_id, page) for page in pages), PAGE_BREAK)


def text(pages: Iterable[ResultPage]) -> Iterator[str]:
    """Yield the text of pages, joined by a blank line."""
    return _joined((plain_pieces(page.pieces) for page in pages), TEXT_PAGE_BREAK)


def json_with_content(
    head: dict[str, Any], content: Iterable[str], tail: dict[str, Any]
) -> Iterator[str]:
    """Yield a JSON object: the fields of `head`, `content` in pieces, the fields of `tail`."""
    yield json.dumps(head)[:-1] + (", " if head else "") + '"content": "'
    for piece in content:
        yield json.dumps(piece)[1:-1]
    yield '", ' + json.dumps(tail)[1:]


def response(content: Iterator[str], media_type: str) -> Response:
    """Answer with what comes in pieces."""
    answer = Response(content, mimetype=media_type)
    # Else `make_conditional` gathers all of it in a list, to count its bytes.
    answer.implicit_sequence_conversion = False
    return answer


def with_length(answer: Response) -> Response:
    """Give the length of a short answer; a long one, which is not held whole, goes in chunks."""
    if answer.status_code != HTTPStatus.OK:
        return answer
    pieces = answer.iter_encoded()
    first: list[bytes] = []
    size = 0
    for piece in pieces:
        first.append(piece)
        size += len(piece)
        if size > COUNTED_MAX_BYTES:
            break
    else:
        answer.content_length = size
    answer.response = chain(first, pieces)
    return answer


def processing_ms(document: Shown) -> int:
    """Return how long the conversion took, in milliseconds; 0 if it has not ended."""
    begun: datetime | None = document.started_at
    if begun is None or document.processed_at is None:
        return 0
    return round((document.processed_at - begun).total_seconds() * 1000)


def _joined(pages: Iterable[Iterator[str]], separator: str) -> Iterator[str]:
    for number, pieces in enumerate(pages):
        first = next(pieces, "")
        yield separator + first if number else first
        yield from pieces


def _linked(document_id: str, page: ResultPage) -> Iterator[str]:
    """Yield the pieces of a page; what a reference may go on with is kept for the next one."""
    held = ""
    for piece in page.pieces:
        text = held + piece
        written, held = _references(document_id, page, text, len(text) - _REFERENCE_MAX_CHARACTERS)
        yield written
    yield _references(document_id, page, held, len(held))[0]


def _references(document_id: str, page: ResultPage, text: str, end: int) -> tuple[str, str]:
    """Write the references that begin before `end`; return the text up to there, and the rest."""
    if not page.image_names:
        return text, ""
    written: list[str] = []
    place = 0
    for found in _REFERENCE.finditer(text):
        if found.start() >= end:
            break
        if found[1] in page.image_names:
            written += text[place : found.start()], f"](/api/documents/{document_id}/images/"
            place = found.start(1)
    end = max(end, place)
    return "".join([*written, text[place:end]]), text[end:]


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
