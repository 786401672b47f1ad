"""An HTML tree as Markdown; HTML pages and EPUB chapters are written with it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from lxml import etree

from ilios.engines.embedded import limits, markdown, mathml
from ilios.engines.embedded.archive import local_name
from ilios.engines.embedded.markdown import Span
from ilios.engines.embedded.web import html_tables

KeepImage = Callable[[str], str | None]
"""Takes the `src` of an image; returns the name or URL to refer to, None to leave it out."""

_FILE_NAME = re.compile(r"\.(?:png|jpe?g|gif|webp|svg|bmp|tiff?)$", re.IGNORECASE)
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_SKIPPED_WORDS: Final = (
    "script style noscript template head iframe object embed svg canvas audio video map "
    "button input select textarea datalist dialog"
)
_SKIPPED = frozenset(_SKIPPED_WORDS.split())
_BLOCKS_WORDS: Final = (
    "address article aside blockquote body center dd details dir div dl dt fieldset "
    "figcaption figure footer form header hgroup hr html legend li main menu nav ol p pre "
    "section summary table ul"
)
_BLOCKS = frozenset(_BLOCKS_WORDS.split()) | frozenset(_HEADINGS)
_APART = _BLOCKS | {"td", "th", "caption"}
"""Elements that need white space before them when all is put in one line."""
_BOLD, _ITALIC, _STRUCK = {"b", "strong"}, {"i", "em", "cite", "var", "dfn"}, {"s", "del", "strike"}


class HtmlWriter:
    """Writes elements as blocks of Markdown."""

    def __init__(self, keep_image: KeepImage) -> None:
        self._keep_image = keep_image
        self._writers: dict[str, Callable[[etree._Element], list[str]]] = {
            "ul": self._list,
            "ol": self._list,
            "menu": self._list,
            "dir": self._list,
            "table": self._table,
            "pre": self._preformatted,
            "blockquote": self._quotation,
            "hr": lambda _: [],
            "dt": self._term,
        }

    def write(self, element: etree._Element) -> str:
        return markdown.blocks(self._children(element))

    def _block(self, element: etree._Element) -> list[str]:
        name = local_name(element)
        if name in _HEADINGS:
            return self._heading(element, _HEADINGS[name])
        return self._writers.get(name, self._children)(element)

    def _children(self, element: etree._Element) -> list[str]:
        """Write child blocks, and the text between them as paragraphs."""
        parts: list[str] = []
        spans: list[Span] = [Span(_collapsed(element.text))]
        for child in element:
            name = local_name(child)
            if name in _BLOCKS or (name not in _SKIPPED and _holds_blocks(child)):
                parts.append(markdown.inline(spans))
                parts += self._block(child)
                spans = []
            else:
                spans += self._inline(child, Span(""))
            spans.append(Span(_collapsed(child.tail)))
        return [part for part in [*parts, markdown.inline(spans)] if part]

    def _inline(self, element: etree._Element, style: Span) -> Iterator[Span]:
        name = local_name(element)
        if not name or name in _SKIPPED:
            return
        if name == "br":
            yield replace(style, text="\n")
        elif name in ("img", "image"):
            yield from self._image(element)
        elif name == "math":
            yield replace(style, text=mathml.to_text(element))
        else:
            own = _own_style(name, element, style)
            yield replace(own, text=_collapsed(element.text))
            for child in element:
                if local_name(child) in _APART:
                    yield replace(own, text=" ")
                yield from self._inline(child, own)
                yield replace(own, text=_collapsed(child.tail))

    def _image(self, element: etree._Element) -> Iterator[Span]:
        source = element.get("src") or element.get("{http://www.w3.org/1999/xlink}href") or ""
        name = self._keep_image(source) if source and not _is_icon(element) else None
        alt = element.get("alt") or ""
        alt = "" if _FILE_NAME.search(alt) else alt
        if name:
            yield Span(markdown.image(name, alt), raw=True)
        elif alt.strip():
            yield Span(f" {alt} ")

    def _spans(self, element: etree._Element) -> list[Span]:
        spans = [Span(_collapsed(element.text))]
        for child in element:
            spans += self._inline(child, Span(""))
            spans.append(Span(_collapsed(child.tail)))
        return spans

    def _heading(self, element: etree._Element, level: int) -> list[str]:
        spans = [replace(span, bold=False, italic=False) for span in self._spans(element)]
        pictures = [span for span in spans if span.raw]
        text = markdown.inline(
            [replace(s, text=s.text.replace("\n", " ")) for s in spans if not s.raw]
        )
        return [markdown.heading(level, text), *(picture.text for picture in pictures)]

    def _list(self, element: etree._Element) -> list[str]:
        items: list[str] = []
        number = int(element.get("start") or 1) if (element.get("start") or "1").isdigit() else 1
        for child in element:
            name = local_name(child)
            if name == "li":
                marker = f"{number}." if local_name(element) == "ol" else "-"
                items += self._item(child, marker)
                number += 1
            elif name in ("ul", "ol") and items:
                items[-1] += "\n" + markdown.indented(markdown.blocks(self._list(child)))
            elif name:
                items += self._children(child)
        return ["\n".join(items)] if items else []

    def _item(self, element: etree._Element, marker: str) -> list[str]:
        parts = self._children(element)
        if not parts:
            return []
        first, *rest = parts
        if first.startswith(("- ", "1. ")):  # an item that begins with a list of its own
            return ["\n".join(parts)]
        text = markdown.list_item(0, marker, first)
        for part in rest:
            is_list = re.match(r"(- |\d+\. )", part) is not None
            text += ("\n" if is_list else "\n\n") + markdown.indented(part)
        return [text]

    def _term(self, element: etree._Element) -> list[str]:
        text = markdown.inline(self._spans(element), styled=False)
        return [f"**{text}**"] if text else []

    def _quotation(self, element: etree._Element) -> list[str]:
        inner = markdown.blocks(self._children(element))
        return ["\n".join(f"> {line}".rstrip() for line in inner.split("\n"))] if inner else []

    def _preformatted(self, element: etree._Element) -> list[str]:
        text = "".join(str(part) for part in element.itertext()).strip("\n")
        fence = "```" if "```" not in text else "~~~~"
        return [f"{fence}\n{text}\n{fence}"] if text.strip() else []

    def _table(self, element: etree._Element) -> list[str]:
        if html_tables.is_layout(element):
            return [part for cell in html_tables.cells(element) for part in self._children(cell)]
        captions = [c for c in element if local_name(c) == "caption"]
        above = [markdown.inline(self._spans(caption)) for caption in captions]
        return [*above, markdown.table(html_tables.grid(element, self._cell))]

    def _cell(self, cell: etree._Element) -> str:
        spans = [
            replace(span, bold=False, italic=False, struck=False) for span in self._spans(cell)
        ]
        return markdown.inline(spans).replace(markdown.HARD_BREAK, " ")


def _is_icon(element: etree._Element) -> bool:
    sides = [value for name in ("width", "height") if (value := element.get(name) or "").isdigit()]
    return any(int(side) < limits.IMAGE_MIN_SIDE_PIXELS for side in sides)


def _own_style(name: str, element: etree._Element, style: Span) -> Span:
    if name in _BOLD:
        return replace(style, bold=True)
    if name in _ITALIC:
        return replace(style, italic=True)
    if name in _STRUCK:
        return replace(style, struck=True)
    if name == "a" and element.get("href"):
        return replace(style, target=(element.get("href") or "").strip())
    return style


def _collapsed(text: str | None) -> str:
    return re.sub(r"[ \t\r\n\f]+", " ", text or "")


def _holds_blocks(element: etree._Element) -> bool:
    return any(local_name(descendant) in _BLOCKS for descendant in element.iterdescendants())
