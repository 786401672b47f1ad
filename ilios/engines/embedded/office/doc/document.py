"""Word documents of before 2007 (`.doc`), rewritten as DOCX; a page is what it is of a DOCX."""

from __future__ import annotations

import struct
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Final

import doc2docx
from doc2docx import errors
from doc2docx.cfb import CompoundFileLimits

from ilios.engines import document_errors
from ilios.engines.base import DocumentInfo, Source
from ilios.engines.detection import media_types
from ilios.engines.embedded import limits
from ilios.engines.embedded.compound_file import CompoundFile, entries_of
from ilios.engines.embedded.office import rewriting
from ilios.engines.embedded.office.docx import document as docx
from ilios.engines.embedded.office.rewriting import RewrittenDocument

KIND: Final = "Word document"
REWRITTEN: Final = "rewritten.docx"  #: in a workspace
_STREAM: Final = "worddocument"
_HEAD: Final = struct.Struct("<H8xH")  #: which program's file it is, and what is so of it
_OF_WORD_97: Final = 0xA5EC  #: and of all versions up to Word 2003
_IS_ENCRYPTED: Final = 0x0100


def open_document(source: Source, workspace: Path, threads: int) -> RewrittenDocument:
    rewritten = workspace / REWRITTEN
    info = _rewrite(source.path, rewritten)
    new = replace(source, path=rewritten, media_type=media_types.DOCX)
    return RewrittenDocument(docx.open_document(new, workspace, threads), info, rewritten)


def _rewrite(path: Path, rewritten: Path) -> DocumentInfo:
    """Write a document as DOCX; return what it says of itself. Raises ConversionError."""
    _refuse(path)
    sizes = CompoundFileLimits(max_stream_bytes=limits.ARCHIVE_PART_MAX_BYTES)
    try:
        with rewriting.bounded(KIND):
            result = doc2docx.convert(path, rewritten, limits=sizes)
    except errors.EncryptedDocumentError as error:
        raise document_errors.encrypted(KIND) from error
    except (errors.InvalidCompoundFile, errors.BinaryBoundsError) as error:
        raise document_errors.corrupt(KIND) from error
    except errors.Doc2DocxError as error:
        raise rewriting.refused(
            KIND, "is damaged, or has parts that cannot be read in this old format", "DOCX"
        ) from error
    return rewriting.info_of(result.document.core_properties)


def _refuse(path: Path) -> None:
    """Refuse what is not of Word 97 to 2003, and what has a password."""
    with closing(CompoundFile(path)) as file:
        entry = entries_of(file.root).get(_STREAM)
        head = rewriting.stream(file, entry, KIND) if entry is not None else b""
    if len(head) < _HEAD.size:
        raise document_errors.corrupt(KIND)
    program, flags = _HEAD.unpack_from(head)
    if program != _OF_WORD_97:
        raise rewriting.refused(
            KIND, "is not of Word 97 to 2003 but of another program, such as Word 95", "DOCX"
        )
    if flags & _IS_ENCRYPTED:
        raise document_errors.encrypted(KIND)
