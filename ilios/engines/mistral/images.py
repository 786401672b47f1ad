"""Images of a response: from data URLs to files whose names are unique in the document."""

from __future__ import annotations

import base64
import binascii
import mimetypes
import re
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Any, Final

from ilios.core.telemetry import logs
from ilios.engines.base import ImageFile
from ilios.engines.detection import media_types
from ilios.engines.mistral.numbers import finite

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
_CORNERS: Final = ("top_left_x", "top_left_y", "bottom_right_x", "bottom_right_y")


def write_files(images: list[Any], index: int, workspace: Path) -> dict[str, ImageFile]:
    """Write a page's images as files; return them by the id that the Markdown refers to."""
    files: dict[str, ImageFile] = {}
    taken: set[str] = set()
    for image in images:
        if not isinstance(image, dict) or not isinstance(image.get("id"), str):
            continue
        decoded = _decoded(image)
        if decoded is None:
            log.warning("answer.image_unreadable", page=index + 1)
            continue
        content, media_type = decoded
        name = _name(image["id"], index, taken)
        taken.add(name)
        path = workspace / name
        path.write_bytes(content)
        files[image["id"]] = ImageFile(name, path, media_type, _box(image))
    return files


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
        return base64.b64decode(encoded), media_type
    except (binascii.Error, ValueError):
        return None


def _name(image_id: str, index: int, taken: set[str]) -> str:
    """Return a unique file name of safe characters: the page's number and the image's id."""
    stem = _UNUSUAL.sub("_", image_id)[-NAME_MAX_CHARACTERS:]
    name = f"p{index + 1}-{stem}"
    for copy in count(2):
        if name not in taken:
            break
        name = f"p{index + 1}-{copy}-{stem}"
    return name


def _box(image: Mapping[str, Any]) -> tuple[float, float, float, float] | None:
    left, top, right, bottom = (finite(image.get(corner)) for corner in _CORNERS)
    if left is None or top is None or right is None or bottom is None:
        return None
    return left, top, right, bottom
