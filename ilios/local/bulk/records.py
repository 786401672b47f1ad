"""The results of `ilios bulk`: what `format=json` has, with the place that a document came from.

What only a service has is null, or empty: the link to the result; images have their names alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from functools import cached_property
from typing import Any, Final

from ilios.core.conversion_limits import INFO_TEXT_MAX_CHARACTERS
from ilios.core.prices import CHARACTERS_PER_TOKEN
from ilios.engines import json_pieces, page_details, page_layout
from ilios.engines.base import Conversion, DocumentInfo, Page
from ilios.engines.json_pieces import Fields, Text
from ilios.engines.page_fields import PageFields
from ilios.engines.page_structure import Block, Word
from ilios.engines.page_text import PAGE_BREAK, PIECE_MAX_CHARACTERS
from ilios.local.bulk.messages import Failed, Seen

NO_FOLDER: Final = ""  #: before the names of images
COMPLETED: Final = "completed"
FAILED: Final = "failed"


class ConvertedPage:
    """A page that was just converted, as ilios.engines.page_fields reads it."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self.width = page.width
        self.height = page.height
        self.dpi = page.dpi
        self.confidence = page.confidence
        self.details = page_details.decode(page.details)
        self.images = [{"name": image.name, "bbox": image.bbox} for image in page.images]

    @property
    def number(self) -> int:
        return self._page.index + 1

    @property
    def image_names(self) -> frozenset[str]:
        return frozenset(image.name for image in self._page.images)

    @property
    def has_blocks(self) -> bool:
        return self._page.layout is not None

    def pieces(self) -> Iterator[str]:
        """Yield its Markdown."""
        return self._page.pieces()

    @cached_property
    def _held(self) -> list[str]:
        return list(self._page.pieces())

    def text(self, start: int, end: int) -> Iterator[str]:
        """Yield the characters of its Markdown in a range."""
        for number in range(start // PIECE_MAX_CHARACTERS, -(-end // PIECE_MAX_CHARACTERS)):
            before = number * PIECE_MAX_CHARACTERS
            yield self._held[number][max(0, start - before) : end - before]

    def blocks(self) -> Iterator[Block]:
        """Yield its blocks in reading order."""
        if self._page.layout is not None:
            for number, text in enumerate(self._page.layout.texts):
                yield from page_layout.decode(text, number)

    def words(self) -> Iterator[Word]:
        """Yield nothing: the embedded engine tells of none."""
        return iter(())


def line_of(
    seen: Seen, conversion: Conversion, milliseconds: int, *, with_blocks: bool
) -> Iterator[str]:
    """Yield a result as one line of JSON, in pieces."""
    pages = conversion.pages
    model = conversion.usage.model
    info = conversion.info or DocumentInfo()
    tokens = sum(page.characters for page in pages) // CHARACTERS_PER_TOKEN
    warnings = [asdict(warning) for warning in conversion.all_warnings()]
    warnings.sort(key=lambda warning: warning["page"] or 0)
    shown = PageFields(model, NO_FOLDER, with_blocks=with_blocks, with_words=False)
    fields = _fields(
        seen,
        COMPLETED,
        content=Text(_content(pages)),
        metadata={
            **_metadata(seen, model, info),
            "extractedPages": len(pages),
            "processingTimeMs": milliseconds,
        },
        usage={**_usage(tokens), "pages": conversion.usage.pages},
        pages=(
            Fields(
                shown.of(
                    ConvertedPage(page),
                    [one for one in warnings if one["page"] == page.index + 1],
                )
            )
            for page in pages
        ),
        warnings=warnings,
    )
    yield from json_pieces.written(Fields(fields))
    yield "\n"


def line_of_failure(failed: Failed) -> str:
    """Return what there is of a document that cannot be converted, as one line of JSON."""
    seen = failed.seen
    fields = _fields(
        seen,
        FAILED,
        content=None,
        metadata=_metadata(seen, None, DocumentInfo()),
        usage=_usage(0),
        pages=[],
        warnings=[],
    )
    fields |= {"error": failed.detail, "errorCode": failed.code}
    return "".join(json_pieces.written(fields)) + "\n"


def _fields(seen: Seen, status: str, **known: Any) -> dict[str, Any]:
    """Return the fields of a result in the order of the API's, behind those of our own."""
    return {
        "id": seen.id,
        "source": seen.item.shown,
        "sha256": seen.sha256,
        "status": status,
        "error": None,
        "errorCode": None,
        "content": known["content"],
        "metadata": known["metadata"],
        "usage": known["usage"],
        "downloadUrl": None,
        "partial": False,
        "failedPages": [],
        "extraction": None,
        "pages": known["pages"],
        "warnings": known["warnings"],
    }


def _metadata(seen: Seen, model: str | None, info: DocumentInfo) -> dict[str, Any]:
    return {
        "model": model,
        "extractedPages": 0,
        "processingTimeMs": 0,
        "fileName": seen.item.name,
        "fileSize": seen.size_bytes,
        "mimeType": seen.media_type,
        "cached": False,
        "document": {
            "title": _short(info.title),
            "author": _short(info.author),
            "created": _short(info.created),
            "modified": _short(info.modified),
            "language": _short(info.language),
            "pageCount": info.page_count,
            "producer": _short(info.producer),
        },
    }


def _usage(tokens: int) -> dict[str, Any]:
    return {
        "prompt_tokens": 0,
        "completion_tokens": tokens,
        "total_tokens": tokens,
        "pages": 0,
        "costUsd": 0.0,
    }


def _short(text: str | None) -> str | None:
    return text and text[:INFO_TEXT_MAX_CHARACTERS]


def _content(pages: Iterable[Page]) -> Iterator[str]:
    before = ""
    for page in pages:
        yield before
        yield from page.pieces()
        before = PAGE_BREAK
