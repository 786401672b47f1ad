"""Which documents came with a password, and the sealed ones. Takes a session, never commits.

They are forgotten by a trigger: see ilios.db.password_triggers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Integer, bindparam, literal_column, select, update
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.orm import Session

from ilios.db.models import DocumentPassword
from ilios.db.prepared import Prepared, Runner

_OF = Prepared(
    select(DocumentPassword.sealed).where(DocumentPassword.document_id == bindparam("of_document"))
)
_INSERT = upsert(DocumentPassword).values(
    document_id=bindparam("of_document"),
    sealed=bindparam("kept", type_=DocumentPassword.sealed.type),
)
_KEEP = Prepared(
    _INSERT.on_conflict_do_update(
        index_elements=[DocumentPassword.document_id], set_={"sealed": _INSERT.excluded.sealed}
    )
)
_NOTE = Prepared(_INSERT.on_conflict_do_nothing())
_IS_LEFT: Final = DocumentPassword.sealed == literal_column("''")  # as the index has it
_LEFT = Prepared(
    select(DocumentPassword.document_id).where(_IS_LEFT).limit(bindparam("most", type_=Integer()))
)
_GONE = Prepared(
    update(DocumentPassword)
    .where(DocumentPassword.document_id == bindparam("of_document"), _IS_LEFT)
    .values(sealed=None)
)


def keep(session: Session, document_id: str, sealed: str) -> None:
    """Keep the password that a document came with until it has ended."""
    _KEEP.run(session, of_document=document_id, kept=sealed)


def note(session: Session, document_id: str) -> None:
    """Note that a document came with a password, which is kept with another, or needed no more."""
    _NOTE.run(session, of_document=document_id, kept=None)


def came_with(on: Runner, document_id: str) -> bool:
    """Return whether a document came with a password."""
    return _OF.first(on, of_document=document_id) is not None


def sealed_of(on: Runner, document_id: str) -> str | None:
    """Return the sealed password of a document; None without one, or once it is forgotten."""
    row = _OF.first(on, of_document=document_id)
    return row[0] or None if row else None


def left_in_log(on: Runner, most: int) -> list[str]:
    """Return documents whose password is forgotten, and may still stand in the write-ahead log."""
    return [document_id for (document_id,) in _LEFT.all(on, most=most)]


def note_gone(session: Session, document_ids: Sequence[str]) -> None:
    """Note that the log was emptied since the passwords of these documents were forgotten."""
    for document_id in document_ids:
        _GONE.run(session, of_document=document_id)
