"""The protocol that every engine fulfils, and the values that pass through it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from ilios.engines import page_text
from ilios.engines.extraction import ExtractionRequest
from ilios.engines.page_layout import Layout
from ilios.engines.page_selection import PageSelection
from ilios.engines.page_structure import Box, Link, Table, TableFormat
from ilios.engines.page_text import SpooledText
from ilios.engines.page_words import Words


@dataclass(frozen=True, slots=True)
class ConversionWarning:
    """A doubt about a result; `page` is 1-based, None when the whole document is meant."""

    code: str
    message: str
    page: int | None = None


@dataclass(frozen=True, slots=True)
class ImageFile:
    """An image cut out of a page, as a file in the job's workspace.

    `name` is unique in the document and matches `[A-Za-z0-9._-]+`; the page's Markdown refers to it
    as `![…](name)`. `bbox` is where the page shows it.
    """

    name: str
    path: Path
    media_type: str
    bbox: Box | None = None
    caption: str | None = None
    annotation: str | None = None  #: what the provider was asked to tell of it, as JSON


@dataclass(frozen=True, slots=True)
class Page:
    """One converted page.

    `index` counts from 0 in the whole document. Sizes are points when `dpi` is None (a PDF's own
    unit), else pixels at `dpi`; None for formats that have no pages of a fixed size. The
    Markdown of a page that is `spooled` is read with `pieces` alone.
    """

    index: int
    markdown: str
    width: float | None = None
    height: float | None = None
    dpi: int | None = None
    images: tuple[ImageFile, ...] = ()
    warnings: tuple[ConversionWarning, ...] = ()
    spooled: SpooledText | None = None
    confidence: float | None = None  #: 0 to 1: how much of it was probably read right
    header: str | None = None  #: that was taken out of the Markdown; None where that is not known
    footer: str | None = None
    links: tuple[Link, ...] = ()
    tables: tuple[Table, ...] = ()
    turns: int = 0  #: quarter turns by which its recognised text is turned clockwise
    layout: Layout | None = None  #: None when no blocks were made; an empty one when there are none
    words: Words | None = None
    details: str | None = field(default=None, compare=False)
    """What is stored of header, footer, links, tables, captions and turns: encoded once, by
    `page_details.bounded`, through which engines pass each page that they return."""

    @property
    def characters(self) -> int:
        """How many characters its Markdown has."""
        return self.spooled.characters if self.spooled else len(self.markdown)

    def pieces(self) -> Iterator[str]:
        """Yield its Markdown in pieces of `page_text.PIECE_MAX_CHARACTERS`."""
        return self.spooled.pieces() if self.spooled else page_text.cut(self.markdown)


@dataclass(frozen=True, slots=True)
class Source:
    """The document as a file on the data volume; `media_type` was sniffed from its bytes."""

    path: Path
    media_type: str
    file_name: str
    password: str | None = field(default=None, repr=False)  #: that may open it


Granularity = Literal["page", "block", "word"]


@dataclass(frozen=True, slots=True)
class Options:
    """What the client asked for beyond "everything"; None leaves it to the engine."""

    pages: PageSelection | None = None
    model: str | None = None  #: of the request; None for the configured one
    include_images: bool | None = None
    table_format: TableFormat | None = None
    extract_header: bool = False
    extract_footer: bool = False
    max_cost_micros: int | None = None  #: of the whole document, with margin; engines ignore it
    include_blocks: bool = False
    confidence: Granularity | None = None  #: what gets a confidence of its own
    image_limit: int | None = None  #: the most images of what is sent, a document or a part
    image_min_size: int | None = None  #: pixels of width and height that an image has at least
    allow_partial: float | None = None  #: the largest share of pages that may be missing, up to 1
    extraction: ExtractionRequest | None = None

    @property
    def wants_blocks(self) -> bool:
        """Whether blocks are asked for: by themselves, or to carry their scores."""
        return self.include_blocks or self.confidence == "block"

    @property
    def is_annotated(self) -> bool:
        """Whether pages cost what they cost with fields by a schema."""
        return self.extraction is not None

    @property
    def may_be_divided(self) -> bool:
        """Whether pages that are refused are looked for among those of their call."""
        return self.allow_partial is not None and not self.goes_in_one_call

    @property
    def goes_in_one_call(self) -> bool:
        """Whether the document is not to be cut: its fields come from all of its pages."""
        return self.extraction is not None and self.extraction.of_document


@dataclass(frozen=True, slots=True)
class DocumentInfo:
    """What a document says of itself; None is not known. Dates are ISO 8601, in UTC."""

    title: str | None = None
    author: str | None = None
    created: str | None = None
    modified: str | None = None
    language: str | None = None  #: a tag of BCP 47
    page_count: int | None = None  #: of the original
    producer: str | None = None  #: the program that wrote it


@dataclass(frozen=True, slots=True)
class Part:
    """The input of one call: a file that holds exactly these pages, in this order.

    `indexes` count from 0 in the whole document; None when only the answer tells which pages there
    are. `info` is of the whole document, where planning has read it.
    """

    source: Source
    indexes: tuple[int, ...] | None
    info: DocumentInfo | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """How a document is going to be converted; `page_count` is None when that is not known."""

    page_count: int | None
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Usage:
    """The consumption of a call: its pages, and the model that served it.

    A provider is believed up to what it was sent: `claimed_pages` is its own count where that is
    more, and None otherwise. No model costs more than `asked_model`, where one was asked for.
    """

    pages: int
    model: str
    claimed_pages: int | None = None
    asked_model: str | None = None


@dataclass(frozen=True, slots=True)
class Conversion:
    """The result of one call: pages in order (perhaps fewer than asked for), and its usage."""

    pages: tuple[Page, ...]
    usage: Usage
    warnings: tuple[ConversionWarning, ...] = field(default=())
    info: DocumentInfo | None = None
    extraction: str | None = None
    """What came by the schema of the document, as it came, and "" for nothing; None if none was
    asked for."""

    def all_warnings(self) -> Iterator[ConversionWarning]:
        """Yield the warnings of the document, then those of its pages."""
        yield from self.warnings
        for page in self.pages:
            yield from page.warnings


Progress = Callable[[int, int], None]
"""Called with pages done and pages to do, whenever either has changed."""

Keep = Callable[[bytes], None]
"""Called with the bytes of a paid answer, before it is parsed."""

Mark = Callable[[], AbstractContextManager[None]]
"""Surrounds what could take down the process that parses an answer."""


class Engine(Protocol):
    """Turns a document into pages. Used by several job threads of one worker at once.

    Every failure is a ConversionError; its class tells the queue whether to retry.
    """

    name: str  #: as written to the ledger: `embedded`, `mistral`
    is_paid: bool  #: whether calls cost money: then intent and answer are stored durably
    concurrency: int  #: calls that one worker process may have in flight

    def model(self, options: Options) -> str:
        """Return the model that a call with these options asks for."""
        ...

    def plan(
        self,
        source: Source,
        pages: PageSelection | None,
        workspace: Path,
        *,
        in_one_call: bool = False,
    ) -> Plan:
        """Count a document's pages before conversion, and cut it into parts if need be.

        Indexes in the plan count in `source`. Files of parts are written below `workspace`.
        Raises SchemaDocumentTooLong when there were several parts in spite of `in_one_call`.
        """
        ...

    def convert(
        self, part: Part, options: Options, workspace: Path, progress: Progress, keep: Keep
    ) -> Conversion | bytes:
        """Convert one part; image files are written below `workspace`.

        A paid answer is handed to `keep` before anything else can fail, and returned as it came:
        `read` parses it.
        """
        ...

    def read(
        self, answer: bytes, part: Part, options: Options, workspace: Path, mark: Mark
    ) -> Conversion:
        """Parse an answer; image files are written below `workspace`."""
        ...

    def stop(self, workspace: Path) -> None:
        """Stop the parsing that goes on in a workspace, if any; calls to a provider go on."""
        ...

    def sweep(self) -> int:
        """Delete files that ended processes of ours left at the provider; return how many."""
        ...

    def close(self) -> None:
        """Release processes and connections."""
        ...
