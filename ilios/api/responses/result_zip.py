"""Results as ZIP files: Markdown, images and JSON of each, which link to one another."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from datetime import datetime
from functools import partial
from itertools import chain
from typing import Any, BinaryIO, Final

from ilios.api.responses import content, links, result_json
from ilios.api.responses.presentation import Presentation
from ilios.api.responses.streaming import BLOCK_BYTES, opened_image
from ilios.api.responses.zip_pieces import Member, zipped
from ilios.api.services import services
from ilios.core.file_names import safe_stem
from ilios.documents.queries import Result
from ilios.documents.snapshots import Snapshot
from ilios.engines import json_pieces
from ilios.engines.conversion_warnings import IMAGE_SKIPPED
from ilios.engines.json_pieces import Fields
from ilios.storage.base import ObjectStore

IMAGES: Final = "images/"


def result(found: Result, presentation: Presentation) -> Generator[bytes]:
    """Return `STEM.md`, the images of a result in a folder, and `result.json`, as an archive."""
    writer = _Writer(presentation)
    return zipped(writer.members(found, safe_stem(found.document.file_name)))


def batch(
    results: Iterable[tuple[Snapshot, Result | None]], presentation: Presentation
) -> Generator[bytes]:
    """Return the same of each document of a batch, in a folder; of a failed one why it failed."""
    return zipped(_of_batch(results, _Writer(presentation)))


def _of_batch(
    results: Iterable[tuple[Snapshot, Result | None]], writer: _Writer
) -> Iterator[Member]:
    taken: set[str] = set()
    for document, found in results:
        stem = new_name(safe_stem(document.file_name), taken)
        folder = f"{stem}/"
        if found is None:
            yield _json_member(folder, document, _failure(document))
        else:
            yield from writer.members(found, stem, folder)


class _Writer:
    """Reads the members of results; made within the request, whose links it needs later."""

    def __init__(self, presentation: Presentation) -> None:
        self._presentation = presentation
        self._store: ObjectStore = services().store
        self._base = links.base()

    def members(self, found: Result, stem: str, folder: str = "") -> Iterator[Member]:
        document, shown = found.document, self._presentation
        markdown = content.markdown(found, shown, IMAGES)
        yield Member(f"{folder}{stem}.md", date_of(document), map(str.encode, markdown))
        missing: list[str] = []
        yield from self._images(found, folder, missing)
        fields = result_json.fields_of(found, shown, IMAGES, self._base)
        fields["warnings"] = chain(fields["warnings"], map(_missing_image, missing))
        yield _json_member(folder, document, fields)

    def _images(self, found: Result, folder: str, missing: list[str]) -> Iterator[Member]:
        """Yield each image once; note the names of those that are not in the store any more."""
        for image, file in stored_images(found, self._store, missing):
            pieces = iter(partial(file.read, BLOCK_BYTES), b"")
            path = f"{folder}{IMAGES}{image['name']}"
            yield Member(path, date_of(found.document), pieces, is_compressed=True)


def stored_images(
    found: Result, store: ObjectStore, missing: list[str]
) -> Iterator[tuple[dict[str, Any], BinaryIO]]:
    """Yield each image of a result once, with its bytes, which are closed behind it.

    The names of those that are not in the store any more are added to `missing`.
    """
    seen: set[str] = set()
    for image in (image for page in found.pages() for image in page.images):
        name = image["name"]
        if name in seen:
            continue
        seen.add(name)
        with opened_image(store, image["key"]) as file:
            if file is None:
                missing.append(name)
            else:
                yield image, file


def _json_member(folder: str, document: Snapshot, fields: dict[str, Any]) -> Member:
    named = {"id": document.id, "fileName": document.file_name, **fields}
    pieces = json_pieces.written(Fields(named))
    return Member(f"{folder}result.json", date_of(document), map(str.encode, pieces))


def _failure(document: Snapshot) -> dict[str, Any]:
    return {
        "status": document.status.value,
        "error": document.error,
        "errorCode": document.error_code,
    }


def _missing_image(name: str) -> dict[str, Any]:
    message = f"The image {name} is not stored any more, and was left out."
    return {"code": IMAGE_SKIPPED, "message": message, "page": None}


def date_of(document: Snapshot) -> datetime:
    """Return the date that the files of a document's result have."""
    return document.processed_at or document.created_at


def new_name(name: str, taken: set[str]) -> str:
    """Return a name that no document before has, whatever the case of its letters."""
    new = name
    number = 1
    while new.casefold() in taken:
        number += 1
        new = f"{name}-{number}"
    taken.add(new.casefold())
    return new
