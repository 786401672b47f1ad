"""The entry point of the embedded engine: takes a file, yields its page counts and its pages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from ilios.engines import passwords
from ilios.engines.base import DocumentInfo, Options, Page, Source
from ilios.engines.embedded import library_errors, output_limits
from ilios.engines.embedded.file_info import of_source
from ilios.engines.embedded.open_documents import OpenDocument, TellsOfItself
from ilios.engines.embedded.readers import reader_of
from ilios.engines.embedded.structure import Structurer

UNLOCKED: Final = ".unlocked"  #: in a workspace


@dataclass(frozen=True, slots=True)
class PageCounts:
    """How many pages a document has, how many will be converted, what its file says of itself."""

    total: int
    selected: int
    info: DocumentInfo


def convert_file(
    source: Source, options: Options, workspace: Path, *, threads: int
) -> Iterator[PageCounts | Page]:
    """Yield the PageCounts, then every selected page as soon as it is ready.

    Image files are written below `workspace`. `threads` is how many threads text recognition may
    use. Raises ConversionError: encrypted, wrong password, corrupt, empty, unsupported, too large,
    pages out of range.
    """
    reader = reader_of(source)
    module = reader.load()
    with library_errors.as_corrupt(reader.kind):
        if passwords.is_locked_office(source):
            source = _unlocked(source, workspace)
        document = module.open_document(source, workspace, threads)
        with closing(document):
            indexes = _selected(document, options)
            output_limits.refuse_pages(len(indexes))
            info = _info(source, document)
            yield PageCounts(document.page_count, len(indexes), info)
            yield from output_limits.bounded(map(Structurer().structured, document.pages(indexes)))


def _unlocked(source: Source, workspace: Path) -> Source:
    """Return an Office file that has a password as one that needs none."""
    from ilios.engines import office_opening  # for such files alone

    path = workspace / UNLOCKED
    office_opening.write_opened(source, path)
    return replace(source, path=path)


def _info(source: Source, document: OpenDocument) -> DocumentInfo:
    told = document.info() if isinstance(document, TellsOfItself) else of_source(source)
    return replace(told, page_count=told.page_count or document.page_count)


def _selected(document: OpenDocument, options: Options) -> list[int]:
    if options.pages is None:
        return list(range(document.page_count))
    return options.pages.indexes(document.page_count)
