"""Escapes what the layout's Markdown leaves of a document's own signs.

The layout writes emphasis, links, code and lists of its own. Of links to pages elsewhere those with
an address that is safe to follow are kept; all else that could be markup is what the page says.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from ilios.core.expressions import possessive
from ilios.engines.embedded import escaping, markdown
from ilios.engines.embedded.pdf.blocks import Block, Piece

LABELS_SOUGHT: Final = 1_000
"""Links and formulas of a page that are sought in its text; further ones are taken for text."""
LABEL_END_CHARACTERS: Final = 100
LONGEST_ADDRESS: Final = 4_000
"""So far behind its bracket the end of an address is sought."""
_TAG: Final = r"<(?=[A-Za-z/!?]|[\w.!#$%&'*+/=?^`{|}~-]++@)"
_ENTITY: Final = r"&(?=#?\w{1,31};)"
_IMAGE: Final = r"!\[[^\[\]]*+\]\(img_[A-Za-z0-9_]++\.\w++\)"
_CODE: Final = r"(?<!`)`[^`\n]++`(?!`)"
_FORMULA: Final = r"\$\$?[^$\n]++\$"
_SIGNS: Final = re.compile(rf"{_TAG}|{_ENTITY}|[`\[]|~~|\$")
_TOKEN: Final = re.compile(
    rf"\\[\s\S]|{_CODE}|`++|{_IMAGE}|!(?=\[)|\[|\]\(|\]|{_TAG}|{_ENTITY}|~~++|{_FORMULA}|\$"
)
_IN_BRACKETS: Final = possessive(r"\([^\s()<>]*+\)[^\s()<>]*+")
_TARGET: Final = re.compile(rf"([^\s()<>]*+{_IN_BRACKETS})\)")
_FENCE: Final = re.compile(r"^```[^`\n]*+$", re.MULTILINE)
_MARKS: Final = possessive(r"[ >]|[-*+] |\d{1,9}[.)] ")
_DEFINITION: Final = re.compile(rf"^({_MARKS})\[(?=[^\[\]\n]*+(?:\]:|$))", re.MULTILINE)


def is_needed(layout_blocks: Sequence[Block], layout: str) -> bool:
    """Return whether a page's Markdown holds signs that may be the page's own."""
    return _SIGNS.search(layout) is not None or any(map(_starts_otherwise, layout_blocks))


def escaped(parts: Sequence[Piece], text: str) -> list[Piece]:
    """Escape a page's Markdown; `text` is what the page holds."""
    page = _Page(text)
    return [replace(part, text=_escaped(part, page)) for part in parts]


def _starts_otherwise(block: Block) -> bool:
    text = block.text or ""
    return block.kind in ("paragraph", "list_item") and markdown.escaped_start(text) != text


def _escaped(part: Piece, page: _Page) -> str:
    if part.kind in ("paragraph", "list_item"):
        return "\n".join(map(markdown.escaped_start, page.inline(part.text).split("\n")))
    return page.inline(part.text) if part.is_text else _without_definitions(part.text, page)


def _without_definitions(text: str, page: _Page) -> str:
    """Escape what may hold blocks of code, in which nothing is escaped."""
    fences = [match.span() for match in _FENCE.finditer(text)]
    written: list[str] = []
    end = 0
    for opening, closing in zip(fences[::2], fences[1::2], strict=False):
        outside = page.inline(text[end : opening[0]])
        written += [_DEFINITION.sub(r"\1\\[", outside), text[opening[0] : closing[1]]]
        end = closing[1]
    return "".join([*written, _DEFINITION.sub(r"\1\\[", page.inline(text[end:]))])


class _Page:
    """What a page holds, as far as it tells the layout's signs from the page's own."""

    def __init__(self, text: str) -> None:
        self._flat = " ".join(text.split())
        self._has_links = re.search(r"\]\s?\(", text) is not None
        self._has_ticks = "`" in text
        self._has_tildes = "~~" in text
        self._has_images = "(img_" in text
        self._left = LABELS_SOUGHT

    def inline(self, layout: str) -> str:
        """Escape text outside of code."""
        if _SIGNS.search(layout) is None:
            return layout
        has_dollars = "$" in layout and escaping.has_dollars(layout)
        out: list[str] = []
        opened: list[int] = []
        end = 0
        while match := _TOKEN.search(layout, end):
            out.append(layout[end : match.start()])
            sign, end = match[0], match.end()
            if sign == "[":
                opened.append(len(out))
                out.append(sign)
            elif sign == "](":
                end = self._link(layout, end, out, opened)
            elif sign[0] == "$":
                shown, length = self._formula(sign)
                out.append(shown.replace("$", "\\$") if has_dollars else shown)
                end = match.start() + length
            else:
                if sign == "]" and opened:
                    opened.pop()
                out.append(self._shown(sign))
        return "".join([*out, layout[end:]])

    def _shown(self, sign: str) -> str:
        first = sign[0]
        if first == "<":
            return "&lt;"
        if first == "`":
            return self._ticks(sign)
        if first == "~":
            return sign.replace("~", "\\~") if self._has_tildes or len(sign) > 2 else sign
        if first == "!" and sign != "!":
            return sign.replace("[", "\\[").replace("]", "\\]") if self._has_images else sign
        return f"\\{sign}" if first in "&!" else sign

    def _ticks(self, sign: str) -> str:
        """Return code, or ticks; between those of the page itself stands text as anywhere."""
        inner = sign.strip("`")
        if not inner:
            return sign if len(sign) == 1 and not self._has_ticks else sign.replace("`", "\\`")
        return f"\\`{self.inline(inner)}\\`" if self._has_ticks else sign

    def _formula(self, sign: str) -> tuple[str, int]:
        """Return what to write for a part of `sign`, and how long this part is.

        The layout escapes nothing in what it takes for a formula: that is as the page says it.
        """
        if len(sign) == 1:
            return sign, 1
        self._left -= 1
        if self._left >= 0 and sign not in self._flat:
            return "$", 1
        parts = re.split(r"(\$+)", sign)
        return "".join(part if "$" in part else escaping.inside(part) for part in parts), len(sign)

    def _link(self, layout: str, start: int, out: list[str], opened: list[int]) -> int:
        """Write what ends a link's text, or looks like it; return where its address ends."""
        place = opened.pop() if opened else None
        found = _address(layout, start)
        if place is not None and found is not None and not self._says("".join(out[place + 1 :])):
            target, end = found
            if markdown.is_safe(markdown.address(target)):
                out.append(f"]({markdown.address(target)})")
            else:
                out[place] = ""
            return end
        if place is not None:
            out[place] = "\\["
        out.append("\\](")
        return start

    def _says(self, label: str) -> bool:
        """Return whether the page itself says what looks like a link with this text."""
        if not self._has_links:
            return False
        self._left -= 1
        if self._left < 0:
            return True
        plain = re.sub(r"\\(.)", r"\1", label[-LABEL_END_CHARACTERS:])
        return f"{plain}](" in self._flat


def _address(layout: str, start: int) -> tuple[str, int] | None:
    """Return the address that begins here and the place behind its bracket; None if none does."""
    if layout.startswith("<", start):
        line_end = layout.find("\n", start, start + LONGEST_ADDRESS)
        end = layout.find(">)", start, line_end if line_end >= 0 else start + LONGEST_ADDRESS)
        return (layout[start + 1 : end], end + 2) if end >= 0 else None
    found = _TARGET.match(layout, start, start + LONGEST_ADDRESS)
    return (found[1], found.end()) if found else None
