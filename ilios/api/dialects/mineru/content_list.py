"""A result as MinerU's content list: one entry for each block, in reading order.

Boxes are in thousandths of the page, and pages count from 0. Headers and footers are left out, as
RAGFlow fails on a list that begins with one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from ilios.api.responses.page_blocks import PageBlock, blocks_of
from ilios.api.responses.result_zip import IMAGES
from ilios.documents.queries import Result
from ilios.documents.result_pages import StructuredPage
from ilios.engines.json_pieces import Fields
from ilios.engines.page_structure import Box

SCALE: Final = 1_000


def content_list(found: Result) -> Iterator[Fields]:
    """Yield the entries of a result."""
    for page in found.structured_pages(with_blocks=True):
        for block in blocks_of(page):
            entry = _entry(page, block)
            if entry is not None:
                yield Fields({**entry, **_place(page, block.box)})


def _entry(page: StructuredPage, block: PageBlock) -> dict[str, Any] | None:
    """Return the fields of an entry; None of a block that shows nothing."""
    match block.type:
        case "table":
            return {
                "type": "table",
                "table_caption": [],
                "table_footnote": [],
                "table_body": block.html(),
            }
        case "image":
            return _image(page, block)
        case "list":
            return {"type": "list", "sub_type": "text", "list_items": block.items()}
        case "code":
            text = block.plain()
            return {"type": "code", "sub_type": "code", "code_caption": [], "code_body": text}
    text = block.plain()
    if text == "":
        return None
    if block.type == "equation":
        return {"type": "equation", "text": text, "text_format": "latex"}
    level = {"text_level": block.level or 1} if block.type == "title" else {}
    return {"type": "text", "text": text, **level}


def _image(page: StructuredPage, block: PageBlock) -> dict[str, Any]:
    name = block.image_name or ""
    told = page.details.images.get(name)
    caption = block.plain() or (told.caption if told else None)
    return {
        "type": "image",
        "img_path": IMAGES + name if name in page.image_names else "",
        "image_caption": [caption] if caption else [],
        "image_footnote": [],
    }


def _place(page: StructuredPage, box: Box | None) -> dict[str, Any]:
    """Return where a block stands; clients take a box that is missing for an unknown one."""
    place: dict[str, Any] = {"page_idx": page.number - 1}
    if box and page.width and page.height:
        sizes = (page.width, page.height) * 2
        place["bbox"] = [
            min(SCALE, max(0, round(edge * SCALE / size)))
            for edge, size in zip(box, sizes, strict=True)
        ]
    return place
