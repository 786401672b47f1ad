"""PowerPoint presentations of before 2007 (`.ppt`), rewritten as PPTX; a page is a slide."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Final

from ppt2pptx import errors
from ppt2pptx.oleps import read_summary_information
from ppt2pptx.ooxml import write_pptx
from ppt2pptx.ppt import extract_presentation, persist_directory

from ilios.engines import document_errors
from ilios.engines.base import DocumentInfo, Source
from ilios.engines.detection import media_types
from ilios.engines.embedded.compound_file import CompoundFile, entries_of
from ilios.engines.embedded.office import rewriting
from ilios.engines.embedded.office.ppt import repetitions
from ilios.engines.embedded.office.pptx import document as pptx
from ilios.engines.embedded.office.rewriting import RewrittenDocument

KIND: Final = "PowerPoint presentation"
REWRITTEN: Final = "rewritten.pptx"  #: in a workspace
_DOCUMENT: Final = "powerpoint document"
_PICTURES: Final = "pictures"
_USER: Final = "current user"
_FOR_97: Final = "pp97_dualstorage"  #: of a file for PowerPoint 95 and 97, which has all twice
_PROPERTIES: Final = "\5summaryinformation"
_USER_BYTES: Final = 8  #: the head of the record in the stream of the last user
_USER_RECORD: Final = b"\xf6\x0f"
_IS_ENCRYPTED: Final = b"\xdf\xc4\xd1\xf3"


def open_document(source: Source, workspace: Path, threads: int) -> RewrittenDocument:
    rewritten = workspace / REWRITTEN
    info = _rewrite(_streams(source.path), rewritten)
    new = replace(source, path=rewritten, media_type=media_types.PPTX)
    return RewrittenDocument(pptx.open_document(new, workspace, threads), info, rewritten)


def _streams(path: Path) -> dict[str, bytes]:
    """Return the streams of a presentation: the library follows some damaged tables for hours."""
    with closing(CompoundFile(path)) as file:
        entries = entries_of(file.root)
        if _FOR_97 in entries:
            entries = entries_of(entries[_FOR_97])
        return {
            name: rewriting.stream(file, entries[name], KIND)
            for name in (_DOCUMENT, _PICTURES, _USER, _PROPERTIES)
            if name in entries
        }


def _rewrite(streams: dict[str, bytes], rewritten: Path) -> DocumentInfo:
    """Write a presentation as PPTX; return what it says of itself. Raises ConversionError."""
    user, document = streams.get(_USER, b""), streams[_DOCUMENT]
    _refuse(user)
    try:
        repetitions.refuse(document, persist_directory(document, user), KIND)
        presentation = extract_presentation(document, streams.get(_PICTURES), user)
        with rewriting.bounded(KIND):
            write_pptx(rewritten, presentation)
    except errors.Ppt2PptxError as error:
        raise document_errors.corrupt(KIND) from error
    return _info(streams.get(_PROPERTIES, b""))


def _refuse(user: bytes) -> None:
    """Refuse what is not of PowerPoint 97 to 2003, and what has a password."""
    if len(user) < _USER_BYTES:
        raise document_errors.corrupt(KIND)
    if user[2:4] != _USER_RECORD:
        raise rewriting.refused(
            KIND,
            "is not of PowerPoint 97 to 2003 but of another program, such as PowerPoint 95",
            "PPTX",
        )
    if user[12:16] == _IS_ENCRYPTED:
        raise document_errors.encrypted(KIND)


def _info(properties: bytes) -> DocumentInfo:
    try:
        return rewriting.info_of(read_summary_information(properties))
    except errors.InvalidPpt:
        return DocumentInfo()
