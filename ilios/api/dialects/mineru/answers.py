"""What MinerU answers with: the results of a request as JSON, or as a ZIP file."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import PurePath
from typing import Any, Final

import ilios
from ilios.api.dialects.mineru.content_list import content_list
from ilios.api.responses import content
from ilios.api.responses.presentation import Presentation
from ilios.api.responses.result_zip import IMAGES, date_of, stored_images
from ilios.api.responses.streaming import BLOCK_BYTES, data_url
from ilios.api.responses.zip_pieces import Member, zipped
from ilios.core.file_names import FALLBACK_NAME, safe_stem
from ilios.documents.queries import Result
from ilios.engines import json_pieces
from ilios.engines.json_pieces import Fields, Members, Text
from ilios.storage.base import ObjectStore

_DOTS: Final = re.compile(r"\.{2,}")
_UNUSUAL: Final = re.compile(r"[^\w.-]")


@dataclass(frozen=True, slots=True)
class ResultParts:
    """What a client wants of each result."""

    markdown: bool = True
    content_list: bool = False
    images: bool = False


def as_json(
    results: Mapping[str, Result], wanted: ResultParts, store: ObjectStore, warnings: list[Any]
) -> Generator[str]:
    """Yield the results of a request, by the names of their files without extensions."""
    models = dict.fromkeys(found.document.model or "" for found in results.values())
    fields = {
        "backend": ",".join(filter(None, models)),
        "version": ilios.__version__,
        "results": Members(
            (name, Fields(_result(found, wanted, store))) for name, found in results.items()
        ),
        "warnings": iter(warnings),
    }
    return json_pieces.written(Fields(fields))


def as_zip(
    results: Mapping[str, Result], wanted: ResultParts, store: ObjectStore
) -> Generator[bytes]:
    """Yield the same as an archive, with a folder for each file."""
    members = (
        member for name, found in results.items() for member in _members(name, found, wanted, store)
    )
    return zipped(members)


def name_of(file_name: str) -> str:
    """Return the name of a file's result in JSON: without the extension."""
    return PurePath(file_name).stem


def archive_name_of(file_name: str) -> str:
    """Return the name of a file's result in a ZIP file, where RAGFlow looks for it."""
    stem = _DOTS.sub("", safe_stem(file_name))
    return _UNUSUAL.sub("_", stem) or FALLBACK_NAME


def _result(found: Result, wanted: ResultParts, store: ObjectStore) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if wanted.markdown:
        fields["md_content"] = Text(content.markdown(found, Presentation(), IMAGES))
    if wanted.content_list:  # a text that is JSON itself
        fields["content_list"] = Text(json_pieces.written(content_list(found)))
    if wanted.images:
        fields["images"] = Members(_images(found, store))
    return fields


def _images(found: Result, store: ObjectStore) -> Iterator[tuple[str, Text]]:
    for image, file in stored_images(found, store, []):
        yield image["name"], Text(data_url(image["mediaType"], file))


def _members(name: str, found: Result, wanted: ResultParts, store: ObjectStore) -> Iterator[Member]:
    folder, date = f"{name}/", date_of(found.document)
    if wanted.markdown:
        pieces = content.markdown(found, Presentation(), IMAGES)
        yield Member(f"{folder}{name}.md", date, map(str.encode, pieces))
    if wanted.content_list:
        pieces = json_pieces.written(content_list(found))
        yield Member(f"{folder}{name}_content_list.json", date, map(str.encode, pieces))
    if wanted.images:
        for image, file in stored_images(found, store, []):
            path = f"{folder}{IMAGES}{image['name']}"
            blocks = iter(partial(file.read, BLOCK_BYTES), b"")
            yield Member(path, date, blocks, is_compressed=True)
