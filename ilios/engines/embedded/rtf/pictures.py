"""Pictures of RTF documents: inline ones, and those of drawing shapes."""

from __future__ import annotations

import binascii
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PureWindowsPath
from typing import Final

from ilios.engines import conversion_warnings
from ilios.engines.base import ConversionWarning
from ilios.engines.embedded import image_files, markdown
from ilios.engines.embedded.image_files import ImageFolder
from ilios.engines.embedded.markdown import Span

KINDS: Final = {
    "pngblip": "PNG",
    "jpegblip": "JPEG",
    "dibitmap": "DIB",
    "wmetafile": "WMF",
    "emfblip": "EMF",
    "macpict": "PICT",
    "pmmetafile": "OS/2 metafile",
    "wbitmap": "Windows bitmap",
}
_DRAWN: Final = ("wmetafile", "emfblip", "macpict", "pmmetafile")
_NOT_HEX = re.compile(r"[^0-9a-fA-F]+")


@dataclass(slots=True)
class Shape:
    """A drawing shape: its properties, and the digits of its picture."""

    properties: dict[str, str] = field(default_factory=dict)
    picture: str = ""


class RtfPictures:
    """Keeps the pictures of a document, and counts those that cannot be kept."""

    def __init__(self, images: ImageFolder) -> None:
        self.kind = ""  #: the control word that names the type of the current picture
        self._images = images
        self._count = 0
        self._left_out: Counter[str] = Counter()

    def span(self, digits: str, description: str) -> Span | None:
        """Keep a picture and return its reference; of one that cannot be kept, its description."""
        if PureWindowsPath(description).suffix and " " not in description:
            description = ""  # the name of its file
        content = binascii.unhexlify(_even(_NOT_HEX.sub("", digits)))
        if not content:
            return None
        self._count += 1
        name = self._images.add(f"image-{self._count}", content)
        if name:
            return Span(f" {markdown.image(name, description)} ", raw=True)
        kind, self.kind = self.kind, ""
        if kind in _DRAWN or image_files.unkept_kind("", content):
            self._left_out[KINDS.get(kind, "unknown")] += 1
        return Span(f" {description} ") if description else None

    def warnings(self) -> Iterator[ConversionWarning]:
        for kind, count in self._left_out.items():
            yield conversion_warnings.pictures_left_out(kind, count)


def _even(digits: str) -> str:
    return digits[: len(digits) // 2 * 2]
