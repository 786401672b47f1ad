"""The blocks of a page of an answer, as ranges of its Markdown, which decides what the text is."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Final

from ilios.engines import block_ranges, markdown_structure
from ilios.engines.mistral import answer_fields, answer_scores, placeholders
from ilios.engines.mistral.answer_tables import PageText
from ilios.engines.mistral.placeholders import Range
from ilios.engines.page_structure import BLOCK_TYPES, Block, BlockType, union

_HEADING: Final = re.compile(r"(#{1,6})\s")


@dataclass(frozen=True, slots=True)
class _Told:
    """A block as the provider tells of it: without its range, which the Markdown decides."""

    block: Block
    content: str
    is_apart: bool  #: surely not in the Markdown: a header taken out of it, for one


def blocks(
    page: dict[str, Any], text: PageText, names: Mapping[str, str], most: int
) -> tuple[list[Block], bool]:
    """Return the blocks of a page, and whether there are more than `most`.

    The last of more is one of text for all of the rest. `names` are those of the files of images,
    by their ids.
    """
    entries = answer_fields.objects(page, "blocks")
    reader = _Reader(page, text, names)
    told = [reader.told(entry) for entry in entries[:most]]
    found = _Blocks(text, frozenset(names.values())).blocks(_in_order(text.markdown, told))
    kept = list(islice(found, most))
    rest = next(found, None)
    if rest is not None and rest.start < (end := len(text.markdown.rstrip())):
        kept.append(Block("text", rest.start, end))
    return kept, rest is not None or len(entries) > most


def captions(found: Sequence[Block], markdown: str) -> dict[str, str]:
    """Return the captions of images by the names of their files: of each what stands beside it.

    That below an image comes before that above it, unless that belongs to the image before.
    """
    by_name: dict[str, str] = {}
    taken: set[int] = set()
    for place, block in enumerate(found):
        if block.type != "image" or block.image_name is None:
            continue
        for beside in (place + 1, place - 1):
            if 0 <= beside < len(found) and found[beside].type == "caption" and beside not in taken:
                caption = found[beside]
                taken.add(beside)
                by_name[block.image_name] = caption.text or markdown[caption.start : caption.end]
                break
    return by_name


class _Reader:
    """Reads what the provider tells of the blocks of a page."""

    def __init__(self, page: dict[str, Any], text: PageText, names: Mapping[str, str]) -> None:
        self._markdown = text.markdown
        self._names = names
        self._size = answer_fields.size_of(page)
        self._apart = [kind for kind in ("header", "footer") if answer_fields.text(page, kind)]
        # Each is the content of one block: what names it again and again would grow without bound.
        self._tables = dict(text.tables)
        self._images = dict(names)

    def told(self, entry: dict[str, Any]) -> _Told:
        kind: BlockType = entry["type"] if entry.get("type") in BLOCK_TYPES else "text"
        name = self._images.pop(answer_fields.text(entry, "image_id"), None)
        table = self._tables.pop(answer_fields.text(entry, "table_id"), None)
        block = Block(
            kind,
            0,
            0,
            box=answer_fields.box(entry, self._size),
            confidence=answer_scores.of_block(entry),
            table_id=table.id if table else None,
            image_name=name,
        )
        if table is not None:
            content = table.text or self._markdown[table.start : table.end]
            return _Told(block, content, is_apart=table.text is not None)
        if name is not None:
            return _Told(block, f"![{name}]({name})", is_apart=False)
        written = answer_fields.text(entry, "content")
        content = placeholders.with_images(written, self._names).strip()
        return _Told(block, content, is_apart=kind in self._apart)


def _in_order(markdown: str, told: Sequence[_Told]) -> list[tuple[_Told, Range | None]]:
    """Return blocks with their ranges, in the order of the Markdown.

    One without a range stands behind the one that it followed. Those that share a range are one,
    and one whose words others have is left out.
    """
    sought = [one for one in told if one.content and not one.is_apart]
    contents = [(one.block.type, one.content) for one in sought]
    ranges = block_ranges.matched(markdown, contents)
    by_block = {id(one): found for one, found in zip(sought, ranges, strict=True)}
    sharing: dict[Range, list[_Told]] = defaultdict(list)
    for one, found in zip(sought, ranges, strict=True):
        if found is not None:
            sharing[found].append(one)
    placed: list[tuple[int, _Told, Range | None]] = []
    place = 0
    for one in told:
        found = by_block.get(id(one))
        if found is None:
            placed.append((place, one, None))
        elif found[0] < found[1] and sharing[found][0] is one:
            place = found[0]
            placed.append((place, _together(sharing[found]), found))
    placed.sort(key=lambda entry: entry[0])
    return [(one, found) for _, one, found in placed]


def _together(sharing: Sequence[_Told]) -> _Told:
    """Return one block for those that share a range."""
    first, *others = sharing
    if not others:
        return first
    blocks = [one.block for one in sharing]
    boxes = [block.box for block in blocks if block.box is not None]
    scores = [block.confidence for block in blocks if block.confidence is not None]
    kind: BlockType = blocks[0].type if len({block.type for block in blocks}) == 1 else "text"
    around = Block(
        kind, 0, 0, box=union(boxes) if boxes else None, confidence=min(scores, default=None)
    )
    return replace(first, block=around)


class _Blocks:
    """Makes the blocks of one page: those of the provider, and those of what is between them."""

    def __init__(self, text: PageText, image_names: frozenset[str]) -> None:
        self._markdown = text.markdown
        self._image_names = image_names
        self._tables = [table for table in text.tables.values() if table.text is None]
        self._starts = [table.start for table in self._tables]

    def blocks(self, placed: Sequence[tuple[_Told, Range | None]]) -> Iterator[Block]:
        place = 0
        for one, found in placed:
            if found is None:
                yield replace(one.block, start=place, end=place, text=one.content or None)
                continue
            start, end = found
            yield from self._between(place, start)
            yield self._in_text(replace(one.block, start=start, end=end))
            place = end
        yield from self._between(place, len(self._markdown))

    def _between(self, start: int, end: int) -> Iterator[Block]:
        """Yield the blocks of what no block of the provider holds."""
        for block in markdown_structure.blocks(self._markdown[start:end]):
            name = block.image_name if block.image_name in self._image_names else None
            yield self._in_text(
                replace(block, start=start + block.start, end=start + block.end, image_name=name)
            )

    def _in_text(self, block: Block) -> Block:
        if block.type == "title":
            heading = _HEADING.match(self._markdown, block.start)
            return replace(block, level=len(heading[1]) if heading else block.level)
        if block.type == "table" and block.table_id is None:
            return replace(block, table_id=self._table_at(block))
        return block

    def _table_at(self, block: Block) -> str | None:
        """Return the id of the table that begins in a block, or before its end."""
        place = bisect_right(self._starts, block.end - 1) - 1
        if place < 0 or self._tables[place].end <= block.start:
            return None
        return self._tables[place].id
