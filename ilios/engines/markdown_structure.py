"""Markdown taken apart: its blocks as ranges of the text, its links, its text without markup.

Written for what engines give and for files of strangers: each function takes time in proportion to
the text, and fails on none. What is ambiguous is read as CommonMark reads it, but a list is one
block whatever its items begin with, and a line of images is a block for each.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Final

from ilios.core.expressions import possessive
from ilios.engines.folded_text import folded as folded
from ilios.engines.page_structure import Block, BlockType, Link

_CODE_INDENT: Final = 4

_BLANK: Final = r"[^\S\n]*+(?:\n|\Z)"
_END: Final = r"(?=[^\S\n]*+(?:\n|\Z))"
_EMPTY_LINES: Final = possessive(r"\n[^\S\n]*+(?=\n)")
_IN_BRACKETS: Final = possessive(r"\([^\s()<>\[\]]*+\)[^\s()<>\[\]]*+")
_TARGET: Final = (
    r"\(\s*+(?:<(?P<quoted>[^<>\n]*+)>"
    rf"|(?P<address>[^\s()<>\[\]]*+{_IN_BRACKETS}))"
    r"(?:\s++(?:\"[^\"]*+\"|'[^']*+'))?\s*+\)"
)
_IMAGE: Final = r"!\[(?:[^\[\]\\\n]|\\.)*+\]\((?:[^\s()<>\[\]]*+)(?:[ \t]++\"[^\"\n]*+\")?\)"
_IMAGES: Final = possessive(rf"{_IMAGE}[^\S\n]*+", "+") + r"(?=\n|\Z)"
_BREAK: Final = r"(?:(?:\*[ \t]*+){3,}+|(?:-[ \t]*+){3,}+|(?:_[ \t]*+){3,}+)" + _END
LIST_MARK: Final = r"(?:[-*+]|\d{1,9}[.)])"  #: that an item of a list begins with
_ITEM: Final = LIST_MARK + r"(?=\s|\Z)"
_NOTE: Final = r"\[\^[^\]\s]++\]:"
_HTML_TABLE: Final = r"<[Tt][Aa][Bb][Ll][Ee](?=[\s/>])"
_UNDERLINE: Final = r"(?:=++|-++)" + _END
_CELL: Final = r":?+-++:?+[ \t]*+"
_RULE: Final = rf"(?=[^\n|]*+\|)\|?+[ \t]*+{_CELL}" + possessive(
    r"\|[ \t]*+" + possessive(_CELL, "?")
)
_HEAD: Final = rf"\|[^\n]*+\n {{0,3}}{_RULE}(?=\n|\Z)"
"""The first two lines of a table, from the first bar on."""
_OPENS: Final = rf"#{{1,6}}(?=\s|\Z)|`{{3}}|~{{3}}|\$\$|{_HEAD}|{_HTML_TABLE}|{_IMAGES}|{_BREAK}"
"""What begins a block on any line outside of code."""
_STARTS: Final = rf"{_OPENS}|>|[-*+][ \t]++\S|1[.)][ \t]++\S|{_UNDERLINE}"
"""What ends a paragraph."""


def _line_until(stops: str) -> str:
    """Return an expression for a further line, unless it is empty or begins with `stops`."""
    return rf"\n(?:(?=[^\W\d_])|(?!{_BLANK}| {{0,3}}(?:{stops})))[^\n]*+"


def _items(start: str) -> str:
    """Return an expression for items, with all that is indented below them."""
    begins = rf"(?= {{2}}|\t| {{0,3}}{start})(?! {{0,3}}{_BREAK})(?=[^\S\n]*+\S)"
    further = rf"{_EMPTY_LINES}\n{begins}[^\n]*+"
    return r"[^\n]*+" + possessive(f"{_line_until(_OPENS)}|{further}")


_IS_ITEM: Final = re.compile(_ITEM)
_IS_IMAGES: Final = re.compile(_IMAGES)
_IS_HTML_TABLE: Final = re.compile(_HTML_TABLE)
_VISIBLE: Final = re.compile(r"\S")
_FRONT_MATTER: Final = re.compile(
    r"---[ \t]*+\n(?=[A-Za-z_][\w -]*+:)"
    + possessive(r"(?!(?:---|\.{3})[ \t]*+(?:\n|\Z))[^\n]*+\n", "+")
    + r"(?:---|\.{3})"
)
_HEADING: Final = re.compile(r"(#{1,6})(?=\s|\Z)[^\n]*+")
_FENCE: Final = re.compile(r"(?:(`{3,}+)[^`\n]*+|(~{3,}+)[^\n]*+)(?=\n|\Z)")
_TABLE_TAG: Final = re.compile(r"<(/?)[Tt][Aa][Bb][Ll][Ee](?=[\s/>])[^<>]*+>?+")
_ONE_IMAGE: Final = re.compile(_IMAGE)
_NAME: Final = re.compile(r"\]\(([A-Za-z0-9._-]++)[ \t)]")
_PARAGRAPH: Final = re.compile(r"[^\n]*+" + possessive(_line_until(_STARTS)))
_UNDERLINED: Final = re.compile(rf"\n {{0,3}}(?:(=++)|-++){_END}")
_INDENTED: Final = re.compile(
    r"[^\n]*+" + possessive(rf"{_EMPTY_LINES}\n(?= {{4}}| {{0,3}}\t)(?=[^\S\n]*+\S)[^\n]*+")
)
_FORMULA: Final = possessive(rf"[^$\n]|\$(?!\$)|\n(?!{_BLANK})")
_SIMPLE: Final[tuple[tuple[BlockType, re.Pattern[str]], ...]] = (
    ("table", re.compile(_HEAD + possessive(r"\n {0,3}\|[^\n]*+"))),
    ("equation", re.compile(rf"\$\${_FORMULA}\$\${_END}")),
    ("text", re.compile(rf"{_BREAK}[^\n]*+")),
    ("list", re.compile(_ITEM + _items(_ITEM))),
    ("references", re.compile(_NOTE + _items(_NOTE))),
    ("table", re.compile(rf"[^\n|]++{_HEAD}" + possessive(rf"\n(?!{_BLANK})[^\n|]*+\|[^\n]*+"))),
    ("text", re.compile(r">[^\n]*+" + possessive(_line_until(_OPENS)))),
)
"""Blocks that one expression tells; the first that fits."""

_INLINE: Final = re.compile(
    r"(?=[\\`!\[\]<&|*~_])(?:"  # else each alternative is tried at each letter
    r"\\(?P<escaped>[!-/:-@\[-`{-~])"
    r"|(?<!`)(?P<ticks>`{1,8}+)(?!`)(?P<code>.+?)(?<!`)(?P=ticks)(?!`)"
    r"|(?P<open>!?+\[)\^?+"
    rf"|\](?P<target>{_TARGET})?"
    r"|<(?P<web>(?:[Hh][Tt][Tt][Pp][Ss]?:|mailto:)[^\s<>]++|[\w.+-]++@[\w.-]++)>"
    r"|</?(?P<tag>[A-Za-z][A-Za-z0-9]*+)[^<>]*+>|<!--[^<>]*+>"
    r"|&(?:\#\d{1,7}|\#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});"
    r"|\||(?:\*++|~~++)(?=\S)|(?<=\S)(?:\*++|~~++)|(?<![^\W_])_++(?=\S)|(?<=\S)_++(?![^\W_]))",
    re.DOTALL,
)
_LINK: Final = re.compile(r"\]\(|<(?:[Hh][Tt][Tt][Pp]|mailto:|[\w.+-]++@)")
_INLINE_TAGS: Final = frozenset(
    {"a", "b", "code", "del", "em", "i", "s", "strong", "sub", "sup", "u"}
)
_ESCAPE: Final = re.compile(r"\\([!-/:-@\[-`{-~])")
_FENCE_LINES: Final = re.compile(r"\A(`{3,}|~{3,})[^\n]*+\n?+|\n? {0,3}(?:`{3,}|~{3,})\s*\Z")
_LINE_MARKS: Final = re.compile(
    r"^[ \t]*+(?:(?:[*_-][ \t]*+){3,}+$|#{1,6}(?:\s|\Z)|(?:>[ \t]*+)++|[-*+][ \t]++|=++[ \t]*+$"
    rf"|-++[ \t]*+$|{_RULE}$)|[ \t]#++[ \t]*+$",
    re.MULTILINE,
)
_BLANKS: Final = re.compile(r"[^\S\n]++")


def blocks(text: str) -> Iterator[Block]:
    """Yield the blocks of a text; only white space stands between them."""
    return _Scanner(text).blocks()


def links(text: str) -> Iterator[Link]:
    """Yield the links of a text in order, but none that code or a formula shows."""
    if _LINK.search(text) is None:
        return
    for block in blocks(text):
        part = text[block.start : block.end]
        if block.type == "table":
            for row in _rows_with_links(part):
                yield from _Inline(row).links
        elif block.type not in ("code", "equation") and _LINK.search(part):
            yield from _Inline(part).links


def bare(text: str) -> str:
    """Return what readers see of a text or a part of one, for titles and snippets.

    Each block begins a line; see ilios.engines.plain_text for what `format=text` gives.
    """
    parts = (_bare(block.type, text[block.start : block.end]) for block in blocks(text))
    return "\n".join(part for part in parts if part)


def _rows_with_links(table: str) -> Iterator[str]:
    """Yield the rows of a table that may hold links: of a long one they are few."""
    end = 0
    while found := _LINK.search(table, end):
        start = table.rfind("\n", end, found.start()) + 1 or end
        end = table.find("\n", found.end())
        end = end if end >= 0 else len(table)
        yield table[start:end]


def _bare(kind: BlockType, text: str) -> str:
    if kind == "code":
        return _FENCE_LINES.sub("", text)
    if kind == "equation":
        return text.strip("$").strip()
    shown = _Inline(_LINE_MARKS.sub("", text), bar=" " if kind == "table" else "|").text
    lines = (_BLANKS.sub(" ", line).strip() for line in shown.split("\n"))
    return "\n".join(line for line in lines if line)


class _Scanner:
    """Finds the blocks of a text one after the other."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._last_closing: int | None = None  #: of all tables in HTML

    def blocks(self) -> Iterator[Block]:
        place = 0
        while (found := _VISIBLE.search(self._text, place)) is not None:
            first = found.start()
            line = max(self._text.rfind("\n", place, first) + 1, place)
            for block in self._at(first, line):
                yield block
                place = block.end

    def _at(self, first: int, line: int) -> Iterator[Block]:
        """Yield the block, or the images, whose first sign is at `first` of the line at `line`."""
        text = self._text
        indent = text[line:first]
        is_deep = len(indent) >= _CODE_INDENT or "\t" in indent
        if is_deep and not _IS_ITEM.match(text, first):
            yield self._block("code", line, _INDENTED.match(text, first))
        elif heading := _HEADING.match(text, first):
            yield self._block("title", first, heading, level=len(heading[1]))
        elif _IS_IMAGES.match(text, first):
            end = text.find("\n", first)
            for image in _ONE_IMAGE.finditer(text, first, end if end >= 0 else len(text)):
                name = _NAME.search(text, image.start(), image.end())
                yield Block("image", *image.span(), image_name=name and name[1])
        else:
            yield self._other(line if is_deep else first, first)

    def _other(self, start: int, first: int) -> Block:
        text = self._text
        if first == 0 and (front := _FRONT_MATTER.match(text)):
            return self._block("code", 0, front)
        if fence := _FENCE.match(text, first):
            return Block("code", start, self._end_of_fence(fence))
        if _IS_HTML_TABLE.match(text, first) and (end := self._end_of_html_table(first)):
            return Block("table", start, end)
        for kind, expression in _SIMPLE:
            if found := expression.match(text, first):
                return self._block(kind, start, found)
        found = _PARAGRAPH.match(text, first)
        if found and (underline := _UNDERLINED.match(text, found.end())):
            return self._block("title", start, underline, level=1 if underline[1] else 2)
        return self._block("text", start, found)

    def _block(
        self, kind: BlockType, start: int, found: re.Match[str] | None, level: int | None = None
    ) -> Block:
        end = found.end() if found else len(self._text)
        return Block(kind, start, start + len(self._text[start:end].rstrip()), level=level)

    def _end_of_fence(self, fence: re.Match[str]) -> int:
        mark = fence[1] or fence[2]
        closing = re.compile(rf"\n {{0,3}}{mark}{mark[0]}*+{_END}").search(self._text, fence.end())
        return closing.end() if closing else len(self._text.rstrip())

    def _end_of_html_table(self, start: int) -> int | None:
        """Return where a table ends, or the last one if it does not; None if none does."""
        if self._last_closing is None:
            self._last_closing = self._text.lower().rfind("</table")
        end, depth = None, 0
        if start < self._last_closing:
            for tag in _TABLE_TAG.finditer(self._text, start):
                depth += -1 if tag[1] else 1
                end = tag.end() if tag[1] else end
                if not depth:
                    break
        return end


class _Inline:
    """The text of a block as it is shown, and the links in it."""

    def __init__(self, text: str, bar: str = "|") -> None:
        self.links: list[Link] = []
        self._bar = bar
        self._written: list[str] = []
        self._open: list[tuple[int, str]] = []  #: brackets: their places in what is written
        end = 0
        for match in _INLINE.finditer(text):
            self._written.append(text[end : match.start()])
            self._written.append(self._shown(match))
            end = match.end()
        self._written.append(text[end:])

    @property
    def text(self) -> str:
        return "".join(self._written)

    def _shown(self, match: re.Match[str]) -> str:
        match match[0][0]:
            case "\\":
                return match["escaped"]
            case "`":
                return match["code"]
            case "[" | "!":
                self._open.append((len(self._written), match["open"]))
                return match["open"]
            case "]":
                return self._closed(match)
            case "<":
                return self._tagged(match)
            case "&":
                return html.unescape(match[0])
            case "|":
                return self._bar
        return ""

    def _tagged(self, match: re.Match[str]) -> str:
        if address := match["web"]:
            self.links.append(Link(address, address))
            return address
        return "" if (match["tag"] or "").lower() in _INLINE_TAGS else " "

    def _closed(self, match: re.Match[str]) -> str:
        if not self._open:
            return match[0]
        place, sign = self._open.pop()
        if match["target"] is None:
            return "]"
        address = _ESCAPE.sub(r"\1", html.unescape(match["quoted"] or match["address"] or ""))
        label = "".join(self._written[place + 1 :])
        self._written[place] = ""
        if sign == "![":
            if label == address:  # it has no description
                del self._written[place:]
            return ""
        self._open.clear()  # a link cannot be inside of another
        if address:
            self.links.append(Link(" ".join(label.split()) or None, address))
        return ""
