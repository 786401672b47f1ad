"""The forms of a result: each with its type, and what writes it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import PurePath
from typing import Final

from flask import Response

from ilios.api.responses import (
    chunk_lines,
    conditional,
    content,
    result_html,
    result_json,
    result_zip,
    serializers,
    streaming,
)
from ilios.api.responses.image_links import folder_of
from ilios.api.responses.presentation import Presentation
from ilios.api.responses.streaming import FileBlocks
from ilios.api.services import services
from ilios.core.file_names import attachment
from ilios.core.result_forms import SUFFIXES
from ilios.documents import failed_pages, results
from ilios.documents.queries import Result

Write = Callable[[Result, Presentation], Generator[str] | Generator[bytes] | FileBlocks]
"""Reads little before it returns, within the request; the rest is read while the answer is sent,
and not at all once the client has left."""
NDJSON: Final = "application/x-ndjson"


@dataclass(frozen=True, slots=True)
class Form:
    media_type: str
    write: Write
    is_file: bool = False  #: browsers are to save it, not to show it
    content_policy: str | None = None  #: of a form that browsers show


def _markdown(found: Result, presentation: Presentation) -> Generator[str]:
    return content.markdown(found, presentation, folder_of(found.document.id))


def _pdf(found: Result, _: Presentation) -> FileBlocks:
    return FileBlocks(services().searchable_pdfs.made(found))


ZIP: Final = Form("application/zip", result_zip.result, is_file=True)
FORMS: Final[dict[str, Form]] = {
    "markdown": Form("text/markdown", _markdown),
    "json": Form("application/json", result_json.result),
    "text": Form("text/plain", content.text),
    "zip": ZIP,
    "html": Form("text/html", result_html.document, content_policy=result_html.CONTENT_POLICY),
    "pdf": Form("application/pdf", _pdf),
    "chunks": Form(NDJSON, chunk_lines.lines),
}
COUNTED_MAX_PAGES: Final = 500
"""Of a result that is sent with its length: for more of them it would have to be read for long."""
FAILED_PAGES: Final = "X-Failed-Pages"
HEADERS: Final = {
    "X-Cache": {
        "schema": {"type": "string", "enum": ["hit", "miss"]},
        "description": "`hit`: an earlier or running conversion of the same bytes answered.",
    },
    FAILED_PAGES: {
        "schema": {"type": "integer"},
        "description": "Of a document that lacks pages (`allowPartial`): how many.",
    },
    **conditional.ETAG_HEADER,
}
"""Of a result, as the OpenAPI document shows them."""


def answer(found: Result, presentation: Presentation) -> Response:
    """Stream a result in the form that was asked for; answer 304 if the client has it.

    Raise PreconditionFailed if `If-Match` names another one.
    """
    form = FORMS[presentation.form]
    response = _answer(found, presentation, form.media_type, form.write)
    if form.is_file:
        response.headers["Content-Disposition"] = file_name(found, presentation)
    if form.content_policy:
        response.headers["Content-Security-Policy"] = form.content_policy
    return response


def page_answer(found: Result, presentation: Presentation) -> Response:
    """Stream the one page of a result as JSON, as `answer` does."""
    return _answer(found, presentation, FORMS["json"].media_type, result_json.page)


def file_name(found: Result, presentation: Presentation) -> str:
    """Return the Content-Disposition under which a result is saved."""
    return attachment(PurePath(found.document.file_name).stem + SUFFIXES[presentation.form])


def _answer(found: Result, presentation: Presentation, media_type: str, write: Write) -> Response:
    response = streaming.response(iter(()), media_type)
    conditional.tagged(response, f"{found.etag}-{presentation.stamp}")
    response.headers["X-Cache"] = "hit" if serializers.is_cached(found.document) else "miss"
    if results.is_partial(found.document):
        response.headers[FAILED_PAGES] = str(failed_pages.count(found.document.failed_pages))
    if response.status_code == HTTPStatus.OK:
        pieces = write(found, presentation)
        response.response = pieces
        response.call_on_close(pieces.close)
    is_counted = isinstance(response.response, FileBlocks)
    if found.page_total > COUNTED_MAX_PAGES and not is_counted:
        return response
    return streaming.with_length(response)
