"""A result as chunks for retrieval, one JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator
from dataclasses import replace

from ilios.api.responses.image_links import folder_of, linked
from ilios.api.responses.presentation import Presentation
from ilios.documents.chunks import Chunk, Section, chunks, union
from ilios.documents.queries import Result
from ilios.documents.result_pages import StructuredPage
from ilios.engines import json_pieces
from ilios.engines.markdown_parts import Part, parts
from ilios.engines.page_structure import Block, Box

PAGE_END = "\n\n"  #: between the pages of the text that is cut


def lines(found: Result, presentation: Presentation) -> Generator[str]:
    """Yield a result as JSON lines."""
    text = sections(found, folder_of(found.document.id))
    cut = chunks(text, presentation.chunk_size, presentation.chunk_overlap)
    return json_pieces.gathered(_line(index, chunk) for index, chunk in enumerate(cut))


def _line(index: int, chunk: Chunk) -> str:
    fields = {
        "index": index,
        "text": chunk.text,
        "headings": chunk.headings,
        "pages": chunk.pages,
        "bbox": chunk.box,
        "characters": len(chunk.text),
    }
    return json.dumps(fields) + "\n"


def sections(found: Result, image_folder: str) -> Iterator[Section]:
    """Yield the parts of all pages, with links to images in a folder."""
    between = ""
    for page in found.structured_pages(with_blocks=True):
        if between:
            yield Section(Part("text", 0, between), page.number)
        boxes = Boxes(page)
        for part in parts(page.pieces()):
            box = boxes.around(part.start, part.start + len(part.text.rstrip()))
            text = "".join(linked([part.text], page.image_names, image_folder))
            yield Section(replace(part, text=text), page.number, box)
        between = PAGE_END


class Boxes:
    """The boxes of a page's blocks, by the ranges of its Markdown, which are asked for in order."""

    def __init__(self, page: StructuredPage) -> None:
        self._blocks = page.blocks()
        self._held: Block | None = None

    def around(self, start: int, end: int) -> Box | None:
        """Return the box around the blocks in a range; None if one has no box, or there is none."""
        return union([block.box for block in self.within(start, end)])

    def within(self, start: int, end: int) -> Iterator[Block]:
        """Yield the blocks in a range."""
        while (block := self._next()) and block.start < end:
            if block.end > max(start, block.start):  # not one that is beside the Markdown
                yield block
            if block.end > end:
                break
            self._held = None

    def _next(self) -> Block | None:
        self._held = self._held or next(self._blocks, None)
        return self._held
