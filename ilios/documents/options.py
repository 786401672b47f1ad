"""What a client asked for, as it is stored with its document, and what follows from it."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Final

from ilios.accounts.costs import Tariff
from ilios.core.settings import Settings
from ilios.db.models import Document
from ilios.engines import registry
from ilios.engines.base import Options
from ilios.engines.page_selection import PageSelection

EVERYTHING: Final = Options()


def as_json(options: Options) -> dict[str, Any]:
    """Return the options that were set; `options_of` reads them."""
    if options == EVERYTHING:
        return {}
    values = {field.name: getattr(options, field.name) for field in fields(options)}
    asked = {name: v for name, v in values.items() if v != getattr(EVERYTHING, name)}
    return {**asked, "pages": str(options.pages)} if options.pages else asked


def options_of(document: Document) -> Options:
    """Return the options that `as_json` has stored with a document."""
    if not document.options:
        return EVERYTHING
    stored = dict(document.options)
    pages = stored.pop("pages", None)
    return Options(PageSelection.parse(pages) if pages else None, **stored)


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
    )
