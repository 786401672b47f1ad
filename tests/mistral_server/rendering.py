"""What a page holds, as a page of the answer: Markdown, tables, images, header, footer, blocks.

Our rules for what the provider sees with a model:

- A table is two or more lines in a row with three or more cells each, told apart by `|`, tabs or
  runs of three or more spaces (pdfium makes one space of several: use `|` in PDFs).
- Images stand below the text.
- Header and footer are the first and the last line of a page of three lines or more.
"""

from __future__ import annotations

import html
import re

from tests.mistral_server import blocks
from tests.mistral_server.annotations import Fit, annotation
from tests.mistral_server.blocks import Furniture
from tests.mistral_server.confidence import Json, page_scores, words
from tests.mistral_server.pdf import DPI, Box, PageContent
from tests.mistral_server.wire import OcrRequest

CELLS = re.compile(r"\s*\|\s*|\t+| {3,}")
GAPS = ("|", "\t", "   ")
TABLE_MIN_CELLS = 3
TABLE_MIN_ROWS = 2
LINK = re.compile(r"https?://[^\s)>\]]+")
HEADER_MIN_LINES = 3

Rows = list[list[str]]


class Renderer:
    """Renders the pages of one answer: images and tables are numbered through it from 0."""

    def __init__(self, asked: OcrRequest, annotations: Fit = "fitting") -> None:
        self._asked = asked
        self._annotation = annotation(asked.bbox_annotation_format, annotations)
        self._images = 0
        self._tables = 0

    def page(self, index: int, content: PageContent, jpegs: list[str] | None) -> Json:
        """Render a page; `jpegs` are its images' data URLs, None when they were not asked for."""
        asked = self._asked
        text, furniture = _without_furniture(content.text, asked)
        text, tables = self._with_tables(text)
        images = self._placed(content.images, jpegs)
        markdown = "\n\n".join([text, *(f"![{one['id']}]({one['id']})" for one in images)]).strip()
        page: Json = {
            "index": index,
            "markdown": markdown,
            "images": images,
            "tables": tables,
            "hyperlinks": LINK.findall(text),
            "header": furniture.of("header"),
            "footer": furniture.of("footer"),
            "dimensions": _dimensions(content),
        }
        if asked.include_blocks:
            page["blocks"] = blocks.blocks(markdown, furniture, tables, content.size)
        self._add_scores(page)
        return page

    def _add_scores(self, page: Json) -> None:
        granularity = self._asked.confidence_scores_granularity
        if granularity is None:
            return
        page["confidence_scores"] = page_scores(page["markdown"], granularity)
        if granularity == "block" and "blocks" in page:
            page["blocks"] = blocks.with_scores(page["blocks"])
        if granularity == "word":
            for table in page["tables"]:
                table["word_confidence_scores"] = words(table["content"])

    def _with_tables(self, text: str) -> tuple[str, list[Json]]:
        if not any(gap in text for gap in GAPS):
            return text, []
        tables: list[Json] = []
        lines: list[str] = []
        rows: Rows = []
        for line in [*text.split("\n"), ""]:
            cells = _cells(line)
            if len(cells) >= TABLE_MIN_CELLS:
                rows.append(cells)
                continue
            lines += self._table(rows, tables)
            rows = []
            lines.append(line)
        return "\n".join(lines).strip(), tables

    def _table(self, rows: Rows, tables: list[Json]) -> list[str]:
        if len(rows) < TABLE_MIN_ROWS:
            return [" ".join(row) for row in rows]
        kind = self._asked.table_format
        if kind is None:
            return ["", _markdown_table(rows), ""]
        name = f"tbl-{self._tables}.{'html' if kind == 'html' else 'md'}"
        self._tables += 1
        content = _html_table(rows) if kind == "html" else _markdown_table(rows)
        tables.append({"id": name, "content": content, "format": kind})
        return ["", f"[{name}]({name})", ""]

    def _placed(self, boxes: tuple[Box, ...], jpegs: list[str] | None) -> list[Json]:
        """Guess: what image_min_size and image_limit leave out has no placeholder either."""
        asked = self._asked
        placed: list[Json] = []
        for number, box in enumerate(boxes):
            if box.shorter_side < (asked.image_min_size or 0):
                continue
            if asked.image_limit is not None and self._images >= asked.image_limit:
                break
            placed.append(
                {
                    "id": f"img-{self._images}.jpeg",
                    "top_left_x": box.left,
                    "top_left_y": box.top,
                    "bottom_right_x": box.right,
                    "bottom_right_y": box.bottom,
                    "image_base64": jpegs[number] if jpegs else None,
                    "image_annotation": self._annotation,
                }
            )
            self._images += 1
        return placed


def _without_furniture(text: str, asked: OcrRequest) -> tuple[str, Furniture]:
    """Return the text without header and footer, where they were asked for, and what they are."""
    lines = text.split("\n")
    if len(lines) < HEADER_MIN_LINES:
        return text, Furniture()
    furniture = Furniture(lines[0], lines[-1])
    if asked.extract_header:
        furniture.taken.add("header")
        lines.pop(0)
    if asked.extract_footer:
        furniture.taken.add("footer")
        lines.pop()
    return ("\n".join(lines).strip() if furniture.taken else text), furniture


def _cells(line: str) -> list[str]:
    return CELLS.split(line.strip().strip("|").strip())


def _markdown_table(rows: Rows) -> str:
    head, *body = rows
    lines = [head, ["---"] * len(head), *body]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _html_table(rows: Rows) -> str:
    def row(cells: list[str], tag: str) -> str:
        return f"<tr>{''.join(f'<{tag}>{html.escape(cell)}</{tag}>' for cell in cells)}</tr>"

    head, *body = rows
    return f"<table>{row(head, 'th')}{''.join(row(cells, 'td') for cells in body)}</table>"


def _dimensions(content: PageContent) -> Json | None:
    """Guess: text and office documents have no size."""
    if content.size is None:
        return None
    width, height = content.size
    return {"dpi": DPI, "height": height, "width": width}
