"""Draw what the embedded engine finds over the pages of documents: `python -m bench.draw_boxes`.

    .venv/bin/python -m bench.draw_boxes FOLDER DOCUMENT…

A page of a PDF or an image becomes `FOLDER/NAME-PAGE.png`, with each block's place in reading
order, its type and its confidence, and thin lines around recognised ones. A line is printed for
each page. Ends with an error if a box lies outside of its page, or blocks leave words out.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import pypdfium2 as pdfium
from PIL import Image, ImageDraw, ImageFont, ImageOps

from bench import converted
from ilios.core.conversion_errors import ConversionError
from ilios.engines.base import Page
from ilios.engines.detection import media_types
from ilios.engines.page_layout import decode
from ilios.engines.page_structure import Block

COLOURS: Final = {
    "title": "red", "text": "blue", "list": "green", "table": "darkorange", "image": "purple",
    "caption": "deeppink", "code": "brown", "equation": "teal", "references": "olive",
}  # fmt: skip
SCALE: Final = 1.5  #: pixels per point
ROUNDING: Final = 0.06  #: boxes are stored in tenths


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("documents", type=Path, nargs="+")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    found: list[str] = []
    for path in asked.documents:
        try:
            found += _drawn(path, asked.folder)
        except ConversionError as error:
            print(f"{path.name}: {error}")
    for fault in found:
        print(fault, file=sys.stderr)
    return bool(found)


def faults(page: Page, blocks: Sequence[Block]) -> Iterator[str]:
    """Yield what is wrong with the blocks of a page."""
    place = 0
    for block in blocks:
        if page.markdown[place : block.start].strip() or block.start < place:
            yield f"words before character {block.start} are in no block, or in two"
        place = block.end
        for box in (block.box, *(line.box for line in block.lines)):
            if box is not None and not _is_inside(page, box):
                yield f"the box {box} is not in the page of {page.width} × {page.height}"
    if page.markdown[place:].strip():
        yield f"words behind character {place} are in no block"


def _is_inside(page: Page, box: Sequence[float]) -> bool:
    left, top, right, bottom = box
    width, height = (page.width or 0) + ROUNDING, (page.height or 0) + ROUNDING
    return 0 <= left < right <= width and 0 <= top < bottom <= height


def _drawn(path: Path, folder: Path) -> Iterator[str]:
    """Draw a document; yield what is wrong with it."""
    source = converted.source(path)
    for page in converted.pages(source):
        if page.layout is None:
            continue
        blocks = [b for n, text in enumerate(page.layout.texts) for b in decode(text, n)]
        where = f"{path.name} page {page.index + 1}"
        print(f"{where}: {_summary(page, blocks)}")
        yield from (f"{where}: {fault}" for fault in faults(page, blocks))
        if page.width and page.height:
            shown = _picture(path, source.media_type, page)
            _draw(shown, page, blocks)
            shown.save(folder / f"{path.stem}-{page.index + 1}.png")


def _summary(page: Page, blocks: Sequence[Block]) -> str:
    kinds = Counter(block.type for block in blocks)
    boxes = sum(block.box is not None for block in blocks)
    told = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
    rest = f"{len(page.links)} links, {len(page.tables)} tables, confidence {page.confidence}"
    return f"{boxes} of {len(blocks)} blocks have boxes ({told}); {rest}"


def _picture(path: Path, media_type: str, page: Page) -> Image.Image:
    if media_type == media_types.PDF:
        document = pdfium.PdfDocument(path)
        shown: Image.Image = document[page.index].render(scale=SCALE).to_pil().convert("RGB")
        document.close()
        return shown
    with Image.open(path) as image:
        image.seek(page.index)
        return ImageOps.exif_transpose(image.convert("RGB"))


def _draw(shown: Image.Image, page: Page, blocks: Sequence[Block]) -> None:
    pen = ImageDraw.Draw(shown)
    across, down = shown.width / (page.width or 1), shown.height / (page.height or 1)
    size = max(12, shown.width // 90)
    font = ImageFont.load_default(size)
    for number, block in enumerate(blocks, start=1):
        for line in block.lines:
            pen.rectangle(_scaled(line.box, across, down), outline="grey")
        if block.box is not None:
            box = _scaled(block.box, across, down)
            colour = COLOURS.get(block.type, "black")
            pen.rectangle(box, outline=colour, width=2)
            level = block.level or ""
            score = "" if block.confidence is None else f" {block.confidence:.2f}"
            label = f"{number} {block.type}{level}{score}"
            place = box[0], max(0, box[1] - size)
            pen.rectangle(pen.textbbox(place, label, font), fill="white")
            pen.text(place, label, colour, font)


def _scaled(box: Sequence[float], across: float, down: float) -> tuple[float, float, float, float]:
    return box[0] * across, box[1] * down, box[2] * across, box[3] * down


if __name__ == "__main__":
    sys.exit(main())
