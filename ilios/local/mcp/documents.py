"""What the tools ask: the engine in this process, or a service. And how much one answer holds."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Protocol

from ilios.local.mcp.messages import (
    PAGE_SEPARATOR,
    Converted,
    DocumentState,
    PageRead,
    PageText,
    SearchResult,
    Warned,
)

ANSWER_MAX_CHARACTERS: Final = 50_000
"""Of Markdown in one answer: about 12,000 tokens, and far less than what clients take at once."""
FOUND_MAX: Final = 20  #: documents of a search
MATCHES_MAX: Final = 3  #: pages of each that are shown
WARNINGS_MAX: Final = 100  #: of a document that are told

Report = Callable[[int, int | None], Awaitable[None]]
"""Is told how many pages are done, and of how many; the first number rises."""


@dataclass(frozen=True, slots=True)
class Order:
    """A document to convert: one of `path`, `url` and `content` is set."""

    name: str | None
    path: Path | None = None
    url: str | None = None
    content: bytes | None = None
    pages: str | None = None
    wait_seconds: int = 0


class Documents(Protocol):
    """Converts documents and finds them again, for tasks of one event loop.

    Its methods raise IliosError, IliosClientError and OSError.
    """

    @property
    def scope(self) -> Literal["session", "service"]:
        """Return where it searches."""
        ...

    async def convert(self, order: Order, report: Report) -> Converted: ...

    async def status(self, document_id: str, wait_seconds: int) -> DocumentState: ...

    async def search(self, query: str) -> SearchResult: ...

    async def read_page(self, document_id: str, number: int, offset: int) -> PageRead: ...

    async def aclose(self) -> None: ...


def unfinished(document_id: str, status: str, name: str, total: int | None) -> Converted:
    """Return the answer for a document that takes longer than was waited."""
    return Converted(
        id=document_id,
        status=status,
        file_name=name,
        pages_total=total,
        pages=[],
        next_page=None,
        next_offset=None,
        warnings=[],
        hint=f"It goes on. Ask `status` with the id {document_id} and a `wait`.",
    )


def finished(
    document_id: str, name: str, pages: Iterable[tuple[int, str]], warnings: list[Warned]
) -> Converted:
    """Return the answer for a document with its result: the first pages that one answer holds.

    A page that is longer than that alone is cut.
    """
    every = list(pages)
    shown: list[PageText] = []
    room, next_page, next_offset = ANSWER_MAX_CHARACTERS, None, None
    for number, markdown in every:
        if len(markdown) > room:
            next_page = number
            if not shown:
                shown.append(PageText(number=number, markdown=markdown[:room]))
                next_offset = room
            break
        shown.append(PageText(number=number, markdown=markdown))
        room -= len(markdown) + len(PAGE_SEPARATOR)  # there may be thousands of empty pages
    return Converted(
        id=document_id,
        status="completed",
        file_name=name,
        pages_total=len(every),
        pages=shown,
        next_page=next_page,
        next_offset=next_offset,
        warnings=warnings[:WARNINGS_MAX],
        hint=None if next_page is None else _rest(document_id, next_page, next_offset),
    )


def part_of_page(document_id: str, number: int, markdown: str, offset: int) -> PageRead:
    """Return as much of a page as one answer holds."""
    end = offset + ANSWER_MAX_CHARACTERS
    return PageRead(
        id=document_id,
        page=number,
        markdown=markdown[offset:end],
        offset=offset,
        next_offset=end if end < len(markdown) else None,
    )


def _rest(document_id: str, page: int, offset: int | None) -> str:
    place = f"page {page}" if offset is None else f"page {page} and offset {offset}"
    return f"This is not all of it. Read on with `read_page`: id {document_id}, {place}."
