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
from ilios.engines.embedded.pdf.headings import HeadingBoxes
from ilios.engines.embedded.pdf.pdfium import PageFacts

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
    path: Path,
    pages: Mapping[int, PageFacts],
    password: str | None = None,
    *,
    with_images: bool,
) -> dict[int, LayerPage]:
    """Parse pages by their 0-based indexes; those that cannot be parsed are missing in the result.

    Boxes are in points of the page as it is read: turned so that its text is upright.
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
        max_pages=max(pages) + 1,
        target_pages=",".join(str(index + 1) for index in pages),
        page_orientation_corrections=[
            (index + 1, 90 * facts.text_turns) for index, facts in pages.items() if facts.text_turns
        ],
        password=password,
    )
    try:
        parsed = parser.parse(path)
    except liteparse.ParseError:
        return {}
    return {
        page.page_num - 1: _layer_page(page, parsed.images, pages[page.page_num - 1])
        for page in parsed.pages
    }


def with_image_names(layer: str, names: Mapping[str, str | None]) -> str:
    """Replace the parser's references by our names; references to images not kept are removed."""

    def named(match: re.Match[str]) -> str:
        name = names.get(match[1])
        return markdown.image(name) if name else ""

    return re.sub(r"\n{3,}", "\n\n", _IMAGE_REFERENCE.sub(named, layer)).strip()


def _layer_page(page: Any, images: Sequence[Any], facts: PageFacts) -> LayerPage:
    # liteparse multiplies sizes by the page's UserUnit, PDFium does not
    scale = facts.upright_width / page.width if page.width else 1.0
    text = _RULE.sub("\n\n", markdown.without_controls(page.markdown)).strip()
    own = [image for image in images if image.page == page.page_num]
    contents = {image.id: image.bytes for image in images}
    pictures = {
        image.id: Picture(
            image.bytes or contents.get(image.duplicate_of, b""), _box(image.bbox, scale)
        )
        for image in own
    }
    return LayerPage("" if _EMPTY_FENCE.match(text) else text, pictures, _blocks(page, scale))


def _blocks(page: Any, scale: float) -> tuple[Block, ...]:
    blocks = [block for block in page.blocks or () if block.bbox is not None]
    headings = HeadingBoxes(page.text_items if any(map(_is_heading, blocks)) else ())
    found: list[Block] = []
    for block in blocks:
        text, box = _text(block.text), _box(block.bbox, 1)
        if text is not None and _is_heading(block):
            box = headings.whole(text, box)
        left, top, right, bottom = box
        scaled = left * scale, top * scale, right * scale, bottom * scale
        found.append(Block(block.kind, text, scaled))
    return tuple(found)


def _is_heading(block: Any) -> bool:
    return bool(block.kind == "heading")


def _text(text: str | None) -> str | None:
    return None if text is None else markdown.without_controls(text)


def _box(rect: Any, scale: float) -> Box:
    right, bottom = rect.x + rect.width, rect.y + rect.height
    return rect.x * scale, rect.y * scale, right * scale, bottom * scale
