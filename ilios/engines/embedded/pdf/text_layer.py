"""The text layer of PDF pages as Markdown, through liteparse."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ilios.engines.embedded import markdown
from ilios.engines.embedded.image_files import Box
from ilios.engines.embedded.pdf.blocks import Block

_EMPTY_FENCE = re.compile(r"^```text\s*```$")
_RULE = re.compile(r"(?<!\s)[^\S\n]*+\n[^\S\n]*+\n\s*+(?<=\n)---\s*(?=\n|$)|^---\s*\n")
"""Rules that stand for lines drawn on the page: borders, underlines, the grid of a chart."""
_IMAGE_REFERENCE = re.compile(r"!\[[^\[\]]*+\]\(img_([A-Za-z0-9_]+)\.\w+\)")


@dataclass(frozen=True, slots=True)
class Picture:
    """An image of a page: its bytes, and its bounds in points from the top left corner."""

    content: bytes
    bbox: Box


@dataclass(frozen=True, slots=True)
class LayerPage:
    """The text layer of a page, as liteparse gives it."""

    markdown: str  #: refers to images as `![](img_<id>.<ext>)`
    pictures: Mapping[str, Picture]
    blocks: tuple[Block, ...]  #: in the order of the Markdown


def parse(
    path: Path, indexes: Sequence[int], *, with_images: bool, turns: Mapping[int, int]
) -> dict[int, LayerPage]:
    """Parse the pages of 0-based `indexes`; those that cannot be parsed are missing in the result.

    `turns` gives clockwise quarter turns for pages whose text is rotated.
    """
    import liteparse

    parser = liteparse.LiteParse(
        output_format="markdown",
        ocr_enabled=False,
        quiet=True,
        extract_images=with_images,
        extract_blocks=True,
        keep_headers_footers=True,  # stripping them loses headings that repeat
        continue_on_page_error=True,
        max_pages=max(indexes) + 1,
        target_pages=",".join(str(index + 1) for index in indexes),
        page_orientation_corrections=[(index + 1, 90 * turn) for index, turn in turns.items()],
    )
    try:
        parsed = parser.parse(path)
    except liteparse.ParseError:
        return {}
    return {page.page_num - 1: _layer_page(page, parsed.images) for page in parsed.pages}


def with_image_names(layer: str, names: Mapping[str, str | None]) -> str:
    """Replace the parser's references by our names; references to images not kept are removed."""

    def named(match: re.Match[str]) -> str:
        name = names.get(match[1])
        return markdown.image(name) if name else ""

    return re.sub(r"\n{3,}", "\n\n", _IMAGE_REFERENCE.sub(named, layer)).strip()


def _layer_page(page: Any, images: Sequence[Any]) -> LayerPage:
    text = _RULE.sub("\n\n", markdown.without_controls(page.markdown)).strip()
    own = [image for image in images if image.page == page.page_num]
    contents = {image.id: image.bytes for image in images}
    pictures = {
        image.id: Picture(image.bytes or contents.get(image.duplicate_of, b""), _box(image.bbox))
        for image in own
    }
    return LayerPage("" if _EMPTY_FENCE.match(text) else text, pictures, _blocks(page))


def _blocks(page: Any) -> tuple[Block, ...]:
    return tuple(
        Block(block.kind, _text(block.text), _box(block.bbox))
        for block in page.blocks or ()
        if block.bbox is not None
    )


def _text(text: str | None) -> str | None:
    return None if text is None else markdown.without_controls(text)


def _box(rect: Any) -> Box:
    return rect.x, rect.y, rect.x + rect.width, rect.y + rect.height
