"""What a client asked for, as it is stored with its document, and what follows from it."""

from __future__ import annotations

from dataclasses import fields, replace
from itertools import count
from typing import Any, Final

from ilios.accounts.costs import Tariff
from ilios.core.settings import Settings
from ilios.db.models import Document
from ilios.engines import registry
from ilios.engines.base import Options, Part
from ilios.engines.extraction import ExtractionRequest
from ilios.engines.page_selection import PageSelection

EVERYTHING: Final = Options()


def as_json(options: Options) -> dict[str, Any]:
    """Return the options that were set; `options_of` reads them."""
    if options == EVERYTHING:
        return {}
    values = {field.name: getattr(options, field.name) for field in fields(options)}
    asked = {name: v for name, v in values.items() if v != getattr(EVERYTHING, name)}
    if options.extraction:
        asked["extraction"] = options.extraction.as_json()
    return {**asked, "pages": str(options.pages)} if options.pages else asked


def options_of(document: Document) -> Options:
    """Return the options that `as_json` has stored with a document."""
    if not document.options:
        return EVERYTHING
    stored = dict(document.options)
    pages = stored.pop("pages", None)
    if extraction := stored.pop("extraction", None):
        stored["extraction"] = ExtractionRequest(**extraction)
    return Options(PageSelection.parse(pages) if pages else None, **stored)


def options_of_part(options: Options, document: Document, part: Part) -> Options:
    """Return what of the options of a document the call for a part of it is asked.

    `imageLimit` is of the document, and the calls of its parts know nothing of each other: each
    page has its share, so that all of them together have the limit.
    """
    if options.image_limit is None or part.indexes is None:
        return options
    selected = pages_between(document, 0, part.indexes[-1])
    places = dict(zip(selected, count(), strict=False))
    total = max(_selected_pages(document, part) or 0, len(selected))
    share = sum(_share(options.image_limit, places[index], total) for index in part.indexes)
    return replace(options, image_limit=share)


def asked_of(lane: str, options: Options) -> Options:
    """Return the options without those that the engine of a lane honours unasked.

    The embedded engine stores blocks and confidence with every page.
    """
    if lane == registry.MISTRAL or not (options.include_blocks or options.confidence):
        return options
    return replace(options, include_blocks=False, confidence=None)


def pages_between(document: Document, first: int, last: int) -> tuple[int, ...]:
    """Return the selected pages of a document from one to another, from 0, both included."""
    selected = options_of(document).pages
    return tuple(selected.between(first, last) if selected else range(first, last + 1))


def model_of(options: Options, lane: str, settings: Settings) -> str:
    """Return the model that converts a document in this lane; our own engine is its own model."""
    return (options.model or settings.ocr_model) if lane == registry.MISTRAL else lane


def tariff_of(options: Options, lane: str, settings: Settings, *, is_batch: bool) -> Tariff:
    """Return what pages of a document in this lane cost."""
    return Tariff(
        settings.pricing,
        model_of(options, lane, settings),
        is_paid=lane == registry.MISTRAL,
        is_batch=is_batch,
        is_annotated=options.is_annotated,
    )


def _selected_pages(document: Document, part: Part) -> int | None:
    selected = options_of(document).pages
    if selected is not None:
        return selected.page_count
    told = (document.info or {}).get("page_count")
    return told or (part.info and part.info.page_count) or document.page_count


def _share(limit: int, place: int, total: int) -> int:
    """Return how many of a limit one of so many pages has; the first ones are served first."""
    before, after = (-(-limit * pages // total) for pages in (place, place + 1))
    return after - before
