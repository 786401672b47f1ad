"""What readers offer: documents that were opened, and the modules that open them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from ilios.engines.base import DocumentInfo, Page, Source
from ilios.engines.embedded.structure import PlacedPage


class OpenDocument(Protocol):
    """An opened document: how many pages it has, and their conversion one by one."""

    @property
    def page_count(self) -> int: ...

    def pages(self, indexes: Sequence[int]) -> Iterator[Page] | Iterator[PlacedPage]:
        """Convert the pages with these 0-based indexes, in the order given."""
        ...

    def close(self) -> None: ...


@runtime_checkable
class TellsOfItself(Protocol):
    """A document whose reader knows what its file says of itself."""

    def info(self) -> DocumentInfo: ...


class ReaderModule(Protocol):
    """What a module must offer to be a reader."""

    def open_document(self, source: Source, workspace: Path, threads: int, /) -> OpenDocument:
        """Open a document; image files are written below `workspace`.

        `threads` is how many threads text recognition may use. Raises ConversionError.
        """
        ...


class OpenFile(Protocol):
    """Opens a document of any accepted type."""

    def __call__(self, source: Source, workspace: Path, threads: int, /) -> OpenDocument:
        """Raise ConversionError, also for a type that no reader reads."""
        ...
