"""Office files of before 2007, written as files of today in a workspace, and read as such."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ilios.core import platform
from ilios.core.conversion_errors import UnsupportedDocument
from ilios.engines import document_errors, document_info
from ilios.engines.base import DocumentInfo, Page
from ilios.engines.embedded import limits
from ilios.engines.embedded.compound_file import CompoundFile
from ilios.engines.embedded.open_documents import OpenDocument
from ilios.engines.embedded.structure import PlacedPage


class RewrittenDocument:
    """A document that is read from what it was rewritten as; that file goes when it is closed."""

    def __init__(self, document: OpenDocument, info: DocumentInfo, rewritten: Path) -> None:
        self._document = document
        self._info = info
        self._rewritten = rewritten

    @property
    def page_count(self) -> int:
        return self._document.page_count

    def pages(self, indexes: Sequence[int]) -> Iterator[Page] | Iterator[PlacedPage]:
        return self._document.pages(indexes)

    def info(self) -> DocumentInfo:
        return self._info

    def close(self) -> None:
        self._document.close()
        self._rewritten.unlink()


@contextmanager
def bounded(kind: str) -> Iterator[None]:
    """Bound what is written: a picture may stand on a thousand slides, and is written for each.

    Raises DocumentTooLarge.
    """
    try:
        with platform.limited_files(limits.ARCHIVE_MAX_BYTES):
            yield
    except Exception as error:
        if not _is_beyond(error):
            raise
        raise document_errors.too_large(
            f"The {kind} has more than can be rewritten as a file of today",
            f"{limits.ARCHIVE_MAX_BYTES // 1024**2} MB",
        ) from error


def stream(file: CompoundFile, entry: Any, kind: str) -> bytes:
    """Return a stream of a file of before 2007. Raises DocumentTooLarge."""
    if entry.size > limits.ARCHIVE_PART_MAX_BYTES:
        raise document_errors.too_large(
            f"The {kind} has a stream of {entry.size // 1024**2} MB",
            f"{limits.ARCHIVE_PART_MAX_BYTES // 1024**2} MB",
        )
    return file.content(entry, limits.ARCHIVE_PART_MAX_BYTES)


def refused(kind: str, what: str, extension: str) -> UnsupportedDocument:
    """Return the error for a file of before 2007 that its library does not read."""
    return UnsupportedDocument(f"The {kind} {what}. Save it as {extension}, then send that.")


def info_of(properties: Any) -> DocumentInfo:
    """Return what a file says of itself, as both libraries name it."""
    return document_info.told(
        title=properties.title,
        author=properties.creator,
        created=properties.created,
        modified=properties.modified,
    )


def _is_beyond(error: BaseException | None) -> bool:
    """Return whether an error, or what it comes from, is that of a file at its limit."""
    while error is not None:
        if isinstance(error, OSError) and error.errno == errno.EFBIG:
            return True
        error = error.__cause__ or error.__context__
    return False
