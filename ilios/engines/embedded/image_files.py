"""Images of a document: which are kept, how they are named, where they are written."""

from __future__ import annotations

import hashlib
import io
import warnings
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from ilios.engines.base import ImageFile
from ilios.engines.detection import media_types
from ilios.engines.embedded import limits

Box = tuple[float, float, float, float]

_KEPT_AS_THEY_ARE = {
    "PNG": media_types.PNG,
    "JPEG": media_types.JPEG,
    "GIF": media_types.GIF,
    "WEBP": media_types.WEBP,
}

_DRAWN = ("WMF", "EMF", "EPS")  #: Pillow needs programs for these that are not installed


class ImageFolder:
    """Writes images below a workspace; equal images of a document are written once."""

    def __init__(self, workspace: Path) -> None:
        self._workspace = workspace
        self._names: dict[bytes, str] = {}
        self._fresh: list[ImageFile] = []
        self._bytes = 0

    def add(self, stem: str, content: bytes, bbox: Box | None = None) -> str | None:
        """Write an image and return the name that Markdown refers to.

        None for images that are not kept: decorations, formats that browsers do not show, and
        those beyond the limits. `stem` is the name without its extension.
        """
        digest = hashlib.sha256(content).digest()
        if digest in self._names:
            return self._names[digest]
        if len(self._names) >= limits.IMAGES_MAX_COUNT:
            return None
        shown = _browser_image(content)
        if shown is None or self._bytes + len(shown[0]) > limits.IMAGES_MAX_BYTES:
            return None
        written = self._write(stem, shown[0], shown[1], bbox)
        self._names[digest] = written.name
        return written.name

    def take(self) -> tuple[ImageFile, ...]:
        """Return the images that were written since the last call."""
        fresh, self._fresh = tuple(self._fresh), []
        return fresh

    def _write(self, stem: str, content: bytes, media_type: str, bbox: Box | None) -> ImageFile:
        extension = media_types.EXTENSIONS[media_type]
        taken = set(self._names.values())
        name = stem + extension
        for suffix in range(2, len(taken) + 3):
            if name not in taken:
                break
            name = f"{stem}-{suffix}{extension}"
        path = self._workspace / name
        path.write_bytes(content)
        self._bytes += len(content)
        image = ImageFile(name, path, media_type, bbox)
        self._fresh.append(image)
        return image


def _browser_image(content: bytes) -> tuple[bytes, str] | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns about sizes, which _encoded checks
            with Image.open(io.BytesIO(content)) as image:
                return _encoded(image, content)
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError, SyntaxError):
        return None


def _encoded(image: Image.Image, content: bytes) -> tuple[bytes, str] | None:
    width, height = image.size
    too_small = min(width, height) < limits.IMAGE_MIN_SIDE_PIXELS
    if too_small or width * height > limits.IMAGE_MAX_PIXELS:
        return None
    if image.format in _KEPT_AS_THEY_ARE:
        return content, _KEPT_AS_THEY_ARE[image.format]
    if image.format in _DRAWN:
        return None
    from ilios.engines.embedded import pixels  # loads numpy, which few documents need

    buffer = io.BytesIO()
    pixels.shown(image).save(buffer, "PNG")
    return buffer.getvalue(), media_types.PNG


def unkept_kind(name: str, content: bytes) -> str | None:
    """Return the kind of an image that was not kept, such as `EMF`; None for decorations."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(content)) as image:
                if min(image.size) < limits.IMAGE_MIN_SIDE_PIXELS and image.format not in _DRAWN:
                    return None
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError, SyntaxError):
        pass
    extension = Path(name).suffix.removeprefix(".")
    return extension.upper() if extension.isalnum() and len(extension) <= 5 else "unknown"
