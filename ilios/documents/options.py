"""What a client asked for, as it is stored with its document."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Final

from ilios.db.models import Document
from ilios.engines.base import Options
from ilios.engines.page_selection import PageSelection

EVERYTHING: Final = Options()


def as_json(options: Options) -> dict[str, Any]:
    """The options that were set; `options_of` reads them."""
    values = {field.name: getattr(options, field.name) for field in fields(options)}
    asked = {name: v for name, v in values.items() if v != getattr(EVERYTHING, name)}
    return {**asked, "pages": str(options.pages)} if options.pages else asked


def options_of(document: Document) -> Options:
    stored = dict(document.options)
    pages = stored.pop("pages", None)
    return Options(PageSelection.parse(pages) if pages else None, **stored)
