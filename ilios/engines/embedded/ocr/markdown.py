"""Recognised text as Markdown: headings, paragraphs, lists, tables."""

from __future__ import annotations

import re
from collections.abc import Sequence
from statistics import median
from typing import Final

from ilios.engines.embedded import markdown
from ilios.engines.embedded.ocr.layout import TextRow
from ilios.engines.embedded.ocr.recognized_text import RecognizedText
from ilios.engines.embedded.ocr.tables import aligned_tables
from ilios.engines.embedded.text import hyphenation

HEADING_RATIO: Final = 1.35
"""A short row that is this many times as high as the text is a heading."""
TITLE_RATIO: Final = 1.9
HEADING_MAX_CHARACTERS: Final = 90
SAME_HEIGHT: Final = 0.25
PARAGRAPH_GAP: Final = 0.75
"""Rows of a paragraph are no farther apart than this share of their height."""
FULL_SHARE: Final = 0.8
_BULLET = re.compile(r"^[•●▪■◦‣·*o–-]\s*(?=\S{2})")
_BULLET_SIGNS = "•●▪■◦‣·"


def to_markdown(text: RecognizedText, columns: Sequence[Sequence[TextRow]]) -> str:
    """Write recognised text, arranged in columns, as Markdown in reading order."""
    if not text.lines:
        return ""
    usual_height = _usual_height(text)
    parts: list[str] = []
    for column in columns:
        for piece in aligned_tables(column):
            if isinstance(piece, list):
                parts += _paragraphs(piece, usual_height)
            else:
                parts.append(piece.markdown)
    return markdown.blocks(parts)


def _usual_height(text: RecognizedText) -> float:
    """Return the median line height, weighted by characters."""
    by_height = sorted(text.lines, key=lambda line: line.height)
    half = sum(len(line.text) for line in by_height) / 2
    passed = 0
    for line in by_height:
        passed += len(line.text)
        if passed >= half:
            return line.height
    return by_height[-1].height


def _paragraphs(rows: Sequence[TextRow], usual_height: float) -> list[str]:
    left = min(row.left for row in rows)
    width = max(row.right for row in rows) - left
    parts: list[str] = []
    paragraph: list[TextRow] = []
    for row in rows:
        if paragraph and not _continues(paragraph[-1], row):
            parts.append(_paragraph(paragraph, left, width, usual_height))
            paragraph = []
        paragraph.append(row)
    parts.append(_paragraph(paragraph, left, width, usual_height))
    return parts


def _continues(above: TextRow, row: TextRow) -> bool:
    height = max(above.height, row.height)
    if row.top - above.bottom > PARAGRAPH_GAP * height or _is_bullet(row):
        return False
    return abs(above.height - row.height) <= SAME_HEIGHT * height


def _is_bullet(row: TextRow) -> bool:
    return row.text[:1] in _BULLET_SIGNS


def _paragraph(rows: Sequence[TextRow], left: float, width: float, usual_height: float) -> str:
    ratio = median(row.height for row in rows) / usual_height
    text = " ".join(row.text for row in rows)
    upright = all(row.right - row.left > row.height for row in rows)
    if upright and ratio >= HEADING_RATIO and _reads_as_heading(text):
        level = 1 if ratio >= TITLE_RATIO else 2
        return markdown.heading(level, markdown.escaped(text))
    flowed = _flowed(rows, left, width)
    if _is_bullet(rows[0]):
        item = markdown.escaped_start(_BULLET.sub("", flowed, count=1))
        return markdown.list_item(0, "-", item)
    return flowed


def _reads_as_heading(text: str) -> bool:
    return len(text) <= HEADING_MAX_CHARACTERS and re.search(r"[^\W\d_]{2}", text) is not None


def _flowed(rows: Sequence[TextRow], left: float, width: float) -> str:
    """Join rows: one that reaches the right edge flows into the next, others end a line or more."""
    full = [_is_full(row, left, width) for row in rows]
    ending = "\n\n" if 2 * sum(full) >= len(rows) else markdown.HARD_BREAK
    text = markdown.escaped_line(rows[0].text)
    for flows, row in zip(full, rows[1:], strict=False):
        following = markdown.escaped(row.text)
        if not flows:
            text += ending + markdown.escaped_start(following)
        else:
            text = hyphenation.joined(text, following)
    return text


def _is_full(row: TextRow, left: float, width: float) -> bool:
    return len(row.lines) == 1 and row.right - left >= FULL_SHARE * width
