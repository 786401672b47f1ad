"""Results as the ZIP of docling-serve: each document in its forms, and images in a folder."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from functools import partial
from typing import Final

from ilios.api.dialects.docling.document_json import DocumentJson
from ilios.api.dialects.docling.images import Images
from ilios.api.dialects.docling.markdown import markdown
from ilios.api.dialects.docling.outcomes import Outcome
from ilios.api.dialects.docling.wanted import (
    EMBEDDED,
    HTML,
    JSON,
    MARKDOWN,
    REFERENCED,
    TEXT,
    ResultForms,
)
from ilios.api.responses import content, result_html, result_zip
from ilios.api.responses.presentation import Presentation
from ilios.api.responses.streaming import BLOCK_BYTES
from ilios.api.responses.zip_pieces import Member, zipped
from ilios.api.services import services
from ilios.core.file_names import safe_stem
from ilios.documents.queries import Result
from ilios.engines import json_pieces

ARTIFACTS: Final = "artifacts/"  #: the folder of images
SUFFIXES: Final = {MARKDOWN: ".md", JSON: ".json", HTML: ".html", TEXT: ".txt"}

Form = Callable[[], Iterable[str]]


def archive(outcomes: Sequence[Outcome], wanted: ResultForms) -> Generator[bytes]:
    """Return `STEM.md`, `STEM.json` … of each result, with the images that they refer to."""
    found = [outcome.found for outcome in outcomes if outcome.found is not None]
    return zipped(_Archive(wanted, is_single=len(found) == 1).members(found))


class _Archive:
    """Reads the members; made within the request, whose services it needs later."""

    def __init__(self, wanted: ResultForms, *, is_single: bool) -> None:
        self._wanted = wanted
        self._is_single = is_single
        self._store = services().store

    def members(self, results: Sequence[Result]) -> Iterator[Member]:
        taken: set[str] = set()
        for found in results:
            stem = result_zip.new_name(safe_stem(found.document.file_name), taken)
            folder = ARTIFACTS if self._is_single else f"{ARTIFACTS}{stem}/"
            forms = self._forms(found, folder)
            for form in self._wanted.formats:
                pieces = map(str.encode, forms[form]())
                date = result_zip.date_of(found.document)
                yield Member(f"{stem}{SUFFIXES[form]}", date, pieces)
            if self._wanted.images == REFERENCED:
                yield from self._images(found, folder)

    def _images(self, found: Result, folder: str) -> Iterator[Member]:
        date = result_zip.date_of(found.document)
        for image, file in result_zip.stored_images(found, self._store, []):
            pieces = iter(partial(file.read, BLOCK_BYTES), b"")
            yield Member(folder + image["name"], date, pieces, is_compressed=True)

    def _forms(self, found: Result, folder: str) -> dict[str, Form]:
        images = Images(self._wanted.images, folder, self._store)
        shown = Presentation("html", embed_images=self._wanted.images == EMBEDDED)
        return {
            MARKDOWN: lambda: markdown(found, images, self._wanted.page_break),
            JSON: lambda: json_pieces.written(DocumentJson(found, images).members()),
            HTML: lambda: result_html.document(found, shown),
            TEXT: lambda: content.text(found, Presentation("text")),
        }
