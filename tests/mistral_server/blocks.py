"""Blocks of a page of the answer, as the SDK's models have them: their types by our rules.

A line is a title (`# `), of a list (`- `, `1. `), of a table (`|`, or a placeholder), an image, an
equation (`$$`), a caption (`Figure 1`, `Table 1`), code (between fences), of references (`[1] `),
an aside (`Note: `), a signature (`Signed: `), the header, the footer, or else of a text. Lines in a
row of one type are one block. Places are made up: blocks divide the page's height.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.mistral_server.confidence import Json, block_scores

TYPES = (
    ("title", re.compile(r"#{1,6} ")),
    ("list", re.compile(r"[-*] |\d+\. ")),
    ("table", re.compile(r"\||\[tbl-")),
    ("image", re.compile(r"!\[")),
    ("equation", re.compile(r"\$\$")),
    ("caption", re.compile(r"(Figure|Table) \d")),
    ("references", re.compile(r"\[\d+\] ")),
    ("aside_text", re.compile(r"Note: ")),
    ("signature", re.compile(r"Signed: ")),
)
FENCE = "```"
ALONE = {"title", "image", "header", "footer"}  #: a block for each line
PLACEHOLDER = re.compile(r"!?\[([^\]]+)\]\(\1\)")


@dataclass(slots=True)
class Furniture:
    """Header and footer of a page, and which of them were taken out of its Markdown."""

    header: str | None = None
    footer: str | None = None
    taken: set[str] = field(default_factory=set)

    def of(self, name: str) -> str | None:
        """Return a header or footer that was taken out."""
        return getattr(self, name) if name in self.taken else None


def blocks(
    markdown: str, furniture: Furniture, tables: list[Json], size: tuple[int, int] | None
) -> list[Json]:
    """Return the blocks of a page in reading order, without scores."""
    contents = {table["id"]: table["content"] for table in tables}
    found = [*_segments(markdown, furniture)]
    width, height = size or (0, 0)
    step = height // max(1, len(found))
    return [
        {
            "type": kind,
            "top_left_x": 0,
            "top_left_y": number * step,
            "bottom_right_x": width,
            "bottom_right_y": (number + 1) * step,
            **_content(kind, text, contents),
        }
        for number, (kind, text) in enumerate(found)
    ]


def with_scores(found: list[Json]) -> list[Json]:
    """Add to each block how sure the provider is of it; an image has no text to be sure of."""
    texts = ["" if block["type"] == "image" else block["content"] for block in found]
    return [
        {**block, "confidence_scores": block_scores(text)}
        for block, text in zip(found, texts, strict=True)
    ]


def _segments(markdown: str, furniture: Furniture) -> Iterator[tuple[str, str]]:
    """Yield type and text of blocks: those that were taken out of the Markdown too."""
    if (header := furniture.of("header")) is not None:
        yield "header", header
    kind, held = "", list[str]()
    for line_kind, line in _lines(markdown, furniture):
        if held and (line_kind != kind or line_kind in ALONE):
            yield kind, "\n".join(held)
            held = []
        if line.strip():
            kind = line_kind
            held.append(line)
    if held:
        yield kind, "\n".join(held)
    if (footer := furniture.of("footer")) is not None:
        yield "footer", footer


def _lines(markdown: str, furniture: Furniture) -> Iterator[tuple[str, str]]:
    """Yield lines with their types; an empty one has none, and so ends a block."""
    lines = markdown.split("\n")
    last = max((n for n, line in enumerate(lines) if line == furniture.footer), default=-1)
    is_code = False
    for number, line in enumerate(lines):
        if line.startswith(FENCE) or is_code:
            is_code = line.startswith(FENCE) != is_code
            yield "code", line
        elif number == 0 and line == furniture.header:
            yield "header", line
        elif number == last:  # images stand below it
            yield "footer", line
        elif line.strip():
            yield next((kind for kind, start in TYPES if start.match(line)), "text"), line
        else:
            yield "", line


def _content(kind: str, text: str, tables: dict[str, str]) -> Json:
    """Seen: a table's block has the table, not its placeholder; an image's has its placeholder."""
    placeholder = PLACEHOLDER.fullmatch(text.strip())
    if kind == "image":
        return {"content": text, "image_id": placeholder[1] if placeholder else ""}
    if kind != "table":
        return {"content": text}
    name = placeholder[1] if placeholder else None
    return {"content": tables.get(name or "", text), "table_id": name}
