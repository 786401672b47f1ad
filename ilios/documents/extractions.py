"""Fields of documents by a schema, as they are stored. Takes what runs statements, never commits.

The texts of a request may be long: the row of its document has their digest alone.
"""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from operator import add
from typing import Final

from sqlalchemy import bindparam, delete, func, insert, null, select, update
from sqlalchemy.orm import Session

from ilios.db.models import Document, ExtractionRow
from ilios.db.prepared import Prepared, Runner
from ilios.db.zeroing import zeroed_if_room
from ilios.documents.options import EVERYTHING, options_of
from ilios.engines.base import Options
from ilios.engines.extraction import ExtractionTexts

_OF_DOCUMENT = ExtractionRow.document_id == bindparam("of_document")
_INSERT = Prepared(insert(ExtractionRow), ["document_id", "schema", "image_schema", "instructions"])
_ASKED = Prepared(
    select(
        ExtractionRow.schema,
        ExtractionRow.image_schema,
        ExtractionRow.instructions,
        ExtractionRow.answer.is_not(null()),
    ).where(_OF_DOCUMENT)
)
_ANSWER = Prepared(select(ExtractionRow.answer).where(_OF_DOCUMENT))
_KEEP = Prepared(
    update(ExtractionRow)
    .where(_OF_DOCUMENT, ExtractionRow.answer.is_(null()))
    .values(answer=bindparam("came"))
)
_TEXTS: Final = (
    ExtractionRow.schema,
    ExtractionRow.image_schema,
    ExtractionRow.instructions,
    ExtractionRow.answer,
)
_SIZE = Prepared(
    select(reduce(add, (func.coalesce(func.octet_length(column), 0) for column in _TEXTS))).where(
        _OF_DOCUMENT
    )
)
_FORGET = Prepared(delete(ExtractionRow).where(_OF_DOCUMENT))


def insert_texts(session: Session, document_id: str, texts: ExtractionTexts) -> None:
    """Store what is asked for with a document that was just inserted."""
    _INSERT.run(
        session,
        document_id=document_id,
        schema=texts.schema,
        image_schema=texts.image_schema,
        instructions=texts.instructions,
    )


def asked_now(on: Runner, document: Document | None) -> Options:
    """Return the options of a document with their texts, as its next call asks for them.

    Without the schema of the document once there is an extraction: pages that were missing then
    cost the plain price. Without any for a document that is gone.
    """
    options = EVERYTHING if document is None else options_of(document)
    if document is None or options.extraction is None:
        return options
    row = _ASKED.first(on, of_document=document.id)
    if row is None:
        return replace(options, extraction=None)
    schema, image_schema, instructions, is_answered = row
    texts = ExtractionTexts(None if is_answered else schema, image_schema, instructions)
    return replace(options, extraction=texts.request(document.owner))


def keep(session: Session, document_id: str, answer: str) -> None:
    """Keep the extraction of a document, unless it has one."""
    _KEEP.run(session, of_document=document_id, came=answer)


def answer_of(on: Runner, document_id: str) -> str | None:
    """Return the extraction of a document as it came; None without one."""
    row = _ANSWER.first(on, of_document=document_id)
    return None if row is None else row[0] or None


def forget(session: Session, document_id: str) -> None:
    """Delete what was asked for with a document, and what came of it."""
    row = _SIZE.first(session, of_document=document_id)
    if row is not None:
        with zeroed_if_room(session, row[0]):
            _FORGET.run(session, of_document=document_id)
