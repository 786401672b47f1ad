"""What a client asked for, as it is stored with its document."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Final

from ilios.db.models import Document, Job
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


def bounds(job: Job) -> tuple[int, int]:
    """First and last page of a range job, from 0, inclusive, among the pages that were selected."""
    if job.first_page is None or job.last_page is None:
        raise ValueError(f"job {job.id} is no range of pages")
    return job.first_page, job.last_page


def range_of(job: Job, document: Document) -> tuple[int, ...]:
    """The pages of the document that a range job's file holds, in order."""
    first, last = bounds(job)
    selected = options_of(document).pages
    return tuple(selected.between(first, last) if selected else range(first, last + 1))
