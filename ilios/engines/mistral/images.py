"""Images of a response: from data URLs to files whose names are unique in the document."""

from __future__ import annotations

import base64
import mimetypes
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ilios.core.telemetry import logs
from ilios.engines.base import ImageFile
from ilios.engines.detection import media_types
from ilios.engines.mistral import annotation_fields, answer_fields
from ilios.engines.mistral.answer_fields import Size

log = logs.get(__name__)

SHOWN: Final = (
    media_types.PNG,
    media_types.JPEG,
    media_types.WEBP,
    media_types.GIF,
    media_types.TIFF,
)
"""Image types that are passed on to browsers; none that could run as a page."""
NAME_MAX_CHARACTERS: Final = 100
_UNUSUAL: Final = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class PageImages:
    """The images of a page as files, by the id that the Markdown refers to."""

    files: dict[str, ImageFile]
    is_complete: bool  #: False when one was left out: unreadable, or beyond what an answer may have


def write_files(
    images: list[Any], index: int, size: Size, workspace: Path, most: int
) -> PageImages:
    """Write at most `most` images of a page as files; of two with one id the first counts."""
    files: dict[str, ImageFile] = {}
    names = _Names(index)
    is_complete = True
    for image in images:
        image_id = image.get("id") if isinstance(image, dict) else None
        if not isinstance(image_id, str) or image_id in files:
            continue
        decoded = _decoded(image) if len(files) < most else None
        if decoded is None:
            is_complete = False
            continue
        content, media_type = decoded
        name = names.of(image_id)
        path = workspace / name
        path.write_bytes(content)
        files[image_id] = ImageFile(
            name,
            path,
            media_type,
            answer_fields.box(image, size),
            annotation=annotation_fields.of_image(image),
        )
    if not is_complete:
        log.warning("answer.image_unreadable", page=index + 1)
    return PageImages(files, is_complete)


def _decoded(image: Mapping[str, Any]) -> tuple[bytes, str] | None:
    """Return bytes and media type of an image; None without valid bytes of a known type."""
    url = image.get("image_base64")
    if not isinstance(url, str) or not url:
        return None
    head, comma, encoded = url.partition(",")
    media_type: str | None
    if comma:
        media_type = head.removeprefix("data:").partition(";")[0].lower()
    else:
        media_type, encoded = mimetypes.guess_type(image["id"])[0], url
    if media_type not in SHOWN:
        return None
    try:
        content = base64.b64decode(encoded)
    except ValueError:
        return None
    return (content, media_type) if content else None


class _Names:
    """Draws file names for a page's images: safe characters, each name once."""

    def __init__(self, index: int) -> None:
        self._page = index + 1
        self._taken: set[str] = set()
        self._copies: Counter[str] = Counter()  #: else the next free number would be searched anew

    def of(self, image_id: str) -> str:
        """Return a new name: the page's number and what is safe of the image's id."""
        stem = _UNUSUAL.sub("_", image_id[-NAME_MAX_CHARACTERS:])
        name = f"p{self._page}-{stem}"
        while name in self._taken:
            self._copies[stem] += 1
            name = f"p{self._page}-{self._copies[stem] + 1}-{stem}"
        self._taken.add(name)
        return name
