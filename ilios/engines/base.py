"""What an engine is: the protocol, and the values that cross it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ilios.page_selection import PageSelection


@dataclass(frozen=True, slots=True)
class ConversionWarning:
    """Something that a reader of the result should know; `page` is 1-based, None for the whole."""

    code: str
    message: str
    page: int | None = None


@dataclass(frozen=True, slots=True)
class ImageFile:
    """An image cut out of a page, as a file in the job's workspace.

    `name` is unique in the document and matches `[A-Za-z0-9._-]+`; the page's Markdown refers to it
    as `![…](name)`. `bbox` is left, top, right, bottom in the unit of the page's size.
    """

    name: str
    path: Path
    media_type: str
    bbox: tuple[float, float, float, float] | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """One converted page.

    `index` counts from 0 in the whole document. Sizes are points when `dpi` is None (a PDF's own
    unit), else pixels at `dpi`; None for formats that have no pages of a fixed size.
    """

    index: int
    markdown: str
    width: float | None = None
    height: float | None = None
    dpi: int | None = None
    images: tuple[ImageFile, ...] = ()
    warnings: tuple[ConversionWarning, ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """The document as a file on the data volume; `media_type` was sniffed from its bytes."""

    path: Path
    media_type: str
    file_name: str


@dataclass(frozen=True, slots=True)
class Options:
    """What the client asked for beyond "everything"."""

    pages: PageSelection | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """What a call consumed. `cost_micros` is what the provider asks, in millionths of a dollar."""

    pages: int
    model: str
    cost_micros: int = 0


@dataclass(frozen=True, slots=True)
class Conversion:
    """The outcome of one call: the selected pages in order, and what they cost."""

    pages: tuple[Page, ...]
    usage: Usage
    warnings: tuple[ConversionWarning, ...] = field(default=())


Progress = Callable[[int, int], None]
"""Called with pages done and pages to do, whenever either has changed."""


class Engine(Protocol):
    """Turns a document into pages. Used by several job threads of one worker at once."""

    name: str  #: as written to the ledger: `embedded`, `mistral`
    model: str  #: the model that a call uses
    concurrency: int  #: calls that one worker process may have in flight

    def convert(
        self, source: Source, options: Options, workspace: Path, progress: Progress
    ) -> Conversion:
        """Convert the selected pages; image files are written below `workspace`.

        Raises ConversionError, whose `retryable` tells whether trying again can help.
        """
        ...

    def close(self) -> None:
        """Give back what the engine holds (processes, connections)."""
        ...
