"""A result as JSON: its text, what is known of it, and its pages."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import asdict
from itertools import chain
from typing import Any, Final

from ilios.api.responses import content, links, serializers
from ilios.api.responses.image_links import folder_of
from ilios.api.responses.page_json import PageObjects
from ilios.api.responses.presentation import Presentation
from ilios.api.schemas.responses import ResultSchema
from ilios.core.request_errors import Gone
from ilios.documents import results
from ilios.documents.queries import Result
from ilios.documents.repository import GONE
from ilios.engines import json_pieces
from ilios.engines.base import DocumentInfo
from ilios.engines.json_pieces import Fields, json_or_text

_RESULT: Final = ResultSchema()


def fields_of(
    found: Result, presentation: Presentation, image_folder: str, link_base: str
) -> dict[str, Any]:
    """Return the fields of a result, with links to its images in a folder."""
    document, source = found.document, found.source()
    pages = PageObjects(found, source, image_folder, with_blocks=presentation.include_blocks)
    known = _RESULT.dump(
        {
            "metadata": {
                **serializers.metadata(document, found.page_total),
                "document": asdict(source.info or DocumentInfo()),
            },
            "usage": serializers.usage(found.totals()),
            "download_url": link_base + links.result_path(document.id),
            "is_partial": results.is_partial(document),
            "failed_pages": serializers.failed_pages(document),
        }
    )
    return {
        "id": document.id,
        "content": json_pieces.Text(content.markdown(found, presentation, image_folder)),
        **known,
        "extraction": json_or_text(found.extraction()) if source.is_extracted else None,
        "pages": iter(pages),
        # The last one: only now it is known whether the pages have what was asked for.
        "warnings": chain(document.warnings, pages.missing_blocks()),
    }


def result(found: Result, presentation: Presentation) -> Generator[str]:
    """Return a result."""
    folder = folder_of(found.document.id)
    return json_pieces.written(Fields(fields_of(found, presentation, folder, links.base())))


def page(found: Result, presentation: Presentation) -> Generator[str]:
    """Return the one page of a result, with the id of its document. Raise Gone without it."""
    document = found.document
    pages = PageObjects(
        found,
        found.source(),
        folder_of(document.id),
        with_blocks=presentation.include_blocks,
        with_html=presentation.include_html,
    )
    first = next(iter(pages), None)
    if first is None:
        raise Gone(GONE)
    warnings = [*first.fields["warnings"], *pages.missing_blocks()]
    return json_pieces.written(Fields({"id": document.id, **first.fields, "warnings": warnings}))
