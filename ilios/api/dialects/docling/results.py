"""Results as docling-serve answers with them: in a JSON object, in a ZIP, or cut into chunks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, Final

from flask import Response

from ilios.api.dialects import answers
from ilios.api.dialects.blueprint import JSON as JSON_TYPE
from ilios.api.dialects.docling.archives import archive
from ilios.api.dialects.docling.document_json import DocumentJson
from ilios.api.dialects.docling.images import Images
from ilios.api.dialects.docling.markdown import markdown
from ilios.api.dialects.docling.outcomes import Outcome
from ilios.api.dialects.docling.wanted import (
    EMBEDDED,
    HTML,
    JSON,
    MARKDOWN,
    TEXT,
    Chunking,
    ResultForms,
)
from ilios.api.responses import chunk_lines, content, links, result_html, streaming
from ilios.api.responses.image_links import folder_of
from ilios.api.responses.presentation import Presentation
from ilios.api.services import services
from ilios.core.file_names import attachment
from ilios.documents.chunks import chunks
from ilios.engines.json_pieces import Fields, written
from ilios.engines.json_pieces import Text as LongText

ZIP_TYPE: Final = "application/zip"
ZIP_NAME: Final = "converted_docs.zip"
_NOTHING: Final = {
    "md_content": None,
    "json_content": None,
    "html_content": None,
    "text_content": None,
    "doctags_content": None,
}


def answer(
    outcomes: Sequence[Outcome], wanted: ResultForms, notes: list[dict[str, Any]]
) -> Response:
    """Answer with the results of a request: several of them, or a `zip` target, come as a ZIP."""
    first = next((outcome.found for outcome in outcomes if outcome.found is not None), None)
    if first is None or not (wanted.is_zip or len(outcomes) > 1):
        others = chain.from_iterable(map(_warnings, outcomes[1:]))
        return _object(outcomes[0], _converted(outcomes[0], wanted, [*notes, *others]))
    response = answers.streamed(first, archive(outcomes, wanted), ZIP_TYPE)
    response.headers["Content-Disposition"] = attachment(ZIP_NAME)
    return answers.note(response, chain(notes, *map(_warnings, outcomes)))


def chunked(
    outcomes: Sequence[Outcome],
    wanted: ResultForms,
    chunking: Chunking,
    notes: list[dict[str, Any]],
) -> Response:
    """Answer with the chunks of the results of a request."""
    listed = [_listed(outcome, wanted if chunking.has_document else None) for outcome in outcomes]
    fields = {
        "chunks": chain.from_iterable(_chunks(one, chunking) for one in outcomes),
        "documents": iter(listed),
        "processing_time": sum(map(_seconds, outcomes)),
        "warnings": [*notes, *chain.from_iterable(map(_warnings, outcomes))],
    }
    return _object(next((one for one in outcomes if one.found), outcomes[0]), Fields(fields))


def _object(outcome: Outcome, value: Fields) -> Response:
    if outcome.found is None:
        response = Response("".join(written(value)), mimetype=JSON_TYPE)
        response.headers[answers.DOCUMENT] = outcome.document.id
        return response
    return answers.streamed_json(outcome.found, value)


def _converted(outcome: Outcome, wanted: ResultForms, notes: list[dict[str, Any]]) -> Fields:
    document, late = _document(outcome, wanted)
    return Fields(
        {
            "document": document,
            "status": outcome.status,
            "errors": outcome.errors,
            "processing_time": _seconds(outcome),
            "timings": {},
            # Behind the document: only now it is known what was left out of it.
            "warnings": chain(notes, _warnings(outcome), late),
        }
    )


def _document(outcome: Outcome, wanted: ResultForms) -> tuple[Fields, Iterator[dict[str, Any]]]:
    """Return a document in the forms that are wanted, and warnings that come with its end."""
    name = {"filename": outcome.document.file_name}
    if outcome.found is None:
        return Fields(name | _NOTHING), iter(())
    found = outcome.found
    images = Images(wanted.images, links.base() + folder_of(found.document.id), services().store)
    written_json = DocumentJson(found, images)
    shown = Presentation("html", embed_images=wanted.images == EMBEDDED)
    contents = {
        MARKDOWN: LongText(markdown(found, images, wanted.page_break)),
        JSON: written_json.members(),
        HTML: LongText(result_html.document(found, shown)),
        TEXT: LongText(content.text(found, Presentation("text"))),
    }
    chosen = {f"{form}_content": contents[form] for form in wanted.formats}
    return Fields(name | _NOTHING | chosen), written_json.warnings()


def _listed(outcome: Outcome, wanted: ResultForms | None) -> Fields:
    """Return a document in the list that stands beside chunks; without forms if none are wanted."""
    name = {"filename": outcome.document.file_name}
    document = _document(outcome, wanted)[0] if wanted else Fields(name | _NOTHING)
    return Fields(
        {
            "kind": "ExportResult",
            "content": document,
            "status": outcome.status,
            "errors": outcome.errors,
            "timings": {},
        }
    )


def _chunks(outcome: Outcome, chunking: Chunking) -> Iterator[dict[str, Any]]:
    if outcome.found is None:
        return
    sections = chunk_lines.sections(outcome.found, folder_of(outcome.document.id))
    for index, chunk in enumerate(chunks(sections, chunking.size)):
        yield {
            "filename": outcome.document.file_name,
            "chunk_index": index,
            "text": chunk.text,
            "raw_text": chunk.text if chunking.has_raw_text else None,
            "num_tokens": None,
            "headings": chunk.headings or None,
            "captions": None,
            "doc_items": [],
            "page_numbers": chunk.pages,
            "metadata": None,
        }


def _warnings(outcome: Outcome) -> list[dict[str, Any]]:
    document = outcome.document
    if outcome.error is None:
        return document.warnings
    message = f"{document.file_name}: {outcome.error.detail}"
    return [{"code": outcome.error.code, "message": message, "page": None}]


def _seconds(outcome: Outcome) -> float:
    return streaming.processing_ms(outcome.document) / 1000
