"""What an answer brought by schemas, compared with them: what does not fit is kept, and told of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ilios.engines import conversion_warnings
from ilios.engines.base import Conversion, Options, Page
from ilios.engines.extraction import Check, Fit
from ilios.engines.schema_checks import SchemaChecks


def checked(conversion: Conversion, options: Options, checks: SchemaChecks) -> Conversion:
    """Return a conversion with the warnings that its extraction and annotations need."""
    asked = options.extraction
    if asked is None or asked.texts is None:
        return conversion
    texts = asked.texts
    if texts.schema is not None and conversion.extraction is not None:
        (check,) = checks.check(asked.owner, texts.schema, [conversion.extraction])
        if check.fit is not Fit.FITS:
            warning = conversion_warnings.extraction_differs(check)
            conversion = replace(conversion, warnings=(*conversion.warnings, warning))
    if texts.image_schema is not None:
        pages = _with_warnings(conversion.pages, texts.image_schema, asked.owner, checks)
        conversion = replace(conversion, pages=pages)
    return conversion


def _with_warnings(
    pages: Sequence[Page], schema: str, owner: str, checks: SchemaChecks
) -> tuple[Page, ...]:
    """Return pages, each with a warning of the first of its annotations that does not fit."""
    annotated = [
        (page.index, image.annotation)
        for page in pages
        for image in page.images
        if image.annotation
    ]
    found = checks.check(owner, schema, [annotation for _, annotation in annotated])
    first: dict[int, Check] = {}
    for (index, _), check in zip(annotated, found, strict=True):
        if check.fit is not Fit.FITS:
            first.setdefault(index, check)
    return tuple(_with_warning(page, first.get(page.index)) for page in pages)


def _with_warning(page: Page, check: Check | None) -> Page:
    if check is None:
        return page
    warning = conversion_warnings.annotation_differs(check, page.index + 1)
    return replace(page, warnings=(*page.warnings, warning))
