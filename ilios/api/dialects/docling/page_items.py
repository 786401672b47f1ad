"""The parts of a page as a DoclingDocument has them: texts, list items, tables, pictures."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from ilios.documents.result_pages import StructuredPage
from ilios.engines.json_pieces import Text
from ilios.engines.markdown_parts import Part, parts
from ilios.engines.markdown_structure import LIST_MARK
from ilios.engines.page_structure import Block, BlockType, Box
from ilios.engines.plain_text import plain_text
from ilios.engines.text_pieces import plain_pieces

HELD_MAX_CHARACTERS: Final = 64 * 1024  #: of a text that is written at once
LIST_ITEM_MAX_CHARACTERS: Final = 16 * 1024  #: a longer one becomes several
TAB_WIDTH: Final = 4
LIST_DEPTH_MAX: Final = 8  #: of lists in lists; deeper ones are as if they were not deeper
_MARKER: Final = re.compile(rf"([ \t]*+)({LIST_MARK})(?:[ \t]++|\Z)")


@dataclass(frozen=True, slots=True)
class Item:
    """A part of a page; `markdown` reads it, each time anew."""

    type: BlockType
    markdown: Callable[[], Iterable[str]]
    characters: int  #: of its Markdown
    level: int | None = None  #: of a title
    box: Box | None = None
    image_name: str | None = None

    def plain(self) -> str | Text:
        """Return its text without markup; a long one is read while it is written."""
        if self.characters > HELD_MAX_CHARACTERS:
            return Text(plain_pieces(self.markdown()))
        if self.type == "equation":
            return "".join(self.markdown()).strip().strip("$").strip()
        return "".join(plain_pieces(self.markdown()))


@dataclass(frozen=True, slots=True)
class ListItem:
    """An item of a list; its marker is a number with its sign, a dash, or nothing.

    Its depth is 0, or at most one more than that of the item before.
    """

    marker: str
    text: str
    depth: int = 0

    @property
    def is_numbered(self) -> bool:
        return self.marker[:1].isdigit()


def items(page: StructuredPage) -> Iterator[Item]:
    """Yield the parts of a page in reading order."""
    if page.has_blocks:
        for block in page.blocks():
            yield _of_block(page, block)
    else:
        for part in parts(page.pieces()):
            yield _of_part(part)


def list_items(pieces: Iterable[str]) -> Iterator[ListItem]:
    """Yield the items of a list, each followed by those of the list in it."""
    marker, held, size = "", list[str](), 0
    indents: list[int] = []  #: of the lists that are open
    depth = 0
    for line in _lines(pieces):
        found = _MARKER.match(line)
        if (found or size > LIST_ITEM_MAX_CHARACTERS) and held:
            yield from _list_item(marker, held, depth)
            marker, held, size = "", [], 0
        if found:
            depth = _depth(indents, len(found[1].expandtabs(TAB_WIDTH)))
            marker = found[2] if found[2][0].isdigit() else "-"
        text = line[found.end() :] if found else line.strip()
        held.append(text)
        size += len(text)
    yield from _list_item(marker, held, depth)


def provenance(page: StructuredPage, item: Item, characters: int) -> list[dict[str, Any]]:
    """Return where a part stands: in its box, or somewhere on its page; nothing without a size."""
    if not page.width or not page.height:
        return []
    left, top, right, bottom = item.box or (0.0, 0.0, page.width, page.height)
    box = {"l": left, "t": top, "r": right, "b": bottom, "coord_origin": "TOPLEFT"}
    return [{"page_no": page.number, "bbox": box, "charspan": [0, characters]}]


def _of_block(page: StructuredPage, block: Block) -> Item:
    if block.text is not None:
        own = block.text
        markdown: Callable[[], Iterable[str]] = lambda: (own,)  # noqa: E731  # read each time anew
        characters = len(own)
    else:
        markdown = partial(page.text, block.start, block.end)
        characters = block.end - block.start
    return Item(block.type, markdown, characters, block.level, block.box, block.image_name)


def _of_part(part: Part) -> Item:
    """Return a part of a page that has no blocks; of a long one, each part with its own head."""
    text = part.opening + part.text
    return Item(part.type, lambda: (text,), len(text), part.level, image_name=part.image_name)


def _depth(indents: list[int], indent: int) -> int:
    """Return how deep a list is whose marker stands at an indent; it is the last open one then."""
    while indents and indent < indents[-1]:
        indents.pop()
    if not indents or (indent > indents[-1] + 1 and len(indents) < LIST_DEPTH_MAX):
        indents.append(indent)
    return len(indents) - 1


def _list_item(marker: str, lines: list[str], depth: int) -> Iterator[ListItem]:
    text = plain_text("\n".join(lines))
    if text or marker:
        yield ListItem(marker, text, depth)


def _lines(pieces: Iterable[str]) -> Iterator[str]:
    """Yield the lines of a text; a long one comes in several."""
    held = ""
    for piece in pieces:
        *whole, held = (held + piece).split("\n")
        for line in whole:
            yield from _cut(line)
        if len(held) > LIST_ITEM_MAX_CHARACTERS:
            *some, held = _cut(held)
            yield from some
    yield from _cut(held)


def _cut(line: str) -> Iterator[str]:
    yield line[:LIST_ITEM_MAX_CHARACTERS]
    for start in range(LIST_ITEM_MAX_CHARACTERS, len(line), LIST_ITEM_MAX_CHARACTERS):
        yield line[start : start + LIST_ITEM_MAX_CHARACTERS]
