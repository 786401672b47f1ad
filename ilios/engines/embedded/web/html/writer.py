"""An HTML tree as Markdown; HTML pages and EPUB chapters are written with it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Final

from lxml import etree

from ilios.engines.embedded import limits, markdown
from ilios.engines.embedded.archive import attribute, local_name
from ilios.engines.embedded.formulas import mathml
from ilios.engines.embedded.formulas.mathml_tokens import name_of
from ilios.engines.embedded.markdown import Span
from ilios.engines.embedded.numerals import whole_number
from ilios.engines.embedded.web.html import forms, lists, preformatted, tables
from ilios.engines.embedded.web.html.visibility import is_never_shown

KeepImage = Callable[[str], str | None]
"""Takes the `src` of an image; returns the name or URL to refer to, None to leave it out."""

_FILE_NAME = re.compile(r"\.(?:png|jpe?g|gif|webp|svg|bmp|tiff?)$", re.IGNORECASE)
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_BLOCKS_WORDS: Final = (
    "address article aside blockquote body center dd details dialog dir div dl dt fieldset "
    "figcaption figure footer form header hgroup hr html legend li listing main menu nav ol p "
    "plaintext pre search section summary table ul xmp"
)
_BLOCKS = frozenset(_BLOCKS_WORDS.split()) | frozenset(_HEADINGS)
_APART = _BLOCKS | {"td", "th", "tr", "caption", "option", "legend"}
"""Elements that need white space around them when all is put in one line."""
_SPACES = re.compile(r"[ \t\r\n\f]+")
_OTHER_SPACES = re.compile(
    r"[\x0b\x1c-\x1f\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"
)
_LIST_START = re.compile(r"(?:-|\d{1,9}[.)]) ")
_BLOCK_START = re.compile(r"#{1,6} |`{3}|\| |>|(?:-|\d{1,9}[.)]) ")
_RAISED = re.compile(r"vertical-align\s*:\s*(super|sub)\b", re.IGNORECASE)
_SHOWN_AS_BLOCK = re.compile(r"display\s*:\s*(?:block|flex|grid|table|list-item)", re.IGNORECASE)
_STYLES: Final[dict[str, dict[str, Any]]] = {
    **{name: {"bold": True} for name in ("b", "strong")},
    **{name: {"italic": True} for name in ("i", "em", "cite", "var", "dfn")},
    **{name: {"struck": True} for name in ("s", "del", "strike")},
    "sup": {"superscript": True, "subscript": False},
    "sub": {"superscript": False, "subscript": True},
}
_CODE: Final = ("code", "kbd", "samp", "tt")
_IN_SIGNS: Final = {"q": ("“", "”"), "rt": ("(", ")")}


class HtmlWriter:
    """Writes elements as blocks of Markdown."""

    def __init__(self, keep_image: KeepImage) -> None:
        self._keep_image = keep_image
        self._writers: dict[str, Callable[[etree._Element], list[str]]] = {
            **dict.fromkeys(("ul", "ol", "menu", "dir"), self._list),
            **dict.fromkeys(("pre", "listing", "xmp", "plaintext"), self._preformatted),
            "table": self._table,
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
            if _is_block(child):
                parts.append(markdown.inline(spans))
                parts += self._block(child)
                spans = []
            else:
                spans += self._inline(child, Span(""))
            spans.append(Span(_collapsed(child.tail)))
        return [part for part in [*parts, markdown.inline(spans)] if part]

    def _inline(self, element: etree._Element, style: Span) -> Iterator[Span]:
        name = local_name(element)
        if is_never_shown(element):
            return
        if name == "br":
            yield style.saying("\n")
        elif name in ("img", "image"):
            yield from self._image(element)
        elif name_of(element) == "math":
            yield mathml.span(element)
        elif name == "svg":
            yield from self._drawing(element)
        elif name in forms.FIELDS:
            yield Span(f" {_collapsed(forms.value(element))} ")
        elif name in _CODE:
            yield from self._within(element, replace(style, code=True))
        elif name in _IN_SIGNS:
            before, after = _IN_SIGNS[name]
            yield style.saying(before)
            yield from self._within(element, style)
            yield style.saying(after)
        else:
            yield from self._within(element, _own_style(name, element, style))

    def _within(self, element: etree._Element, style: Span) -> Iterator[Span]:
        """Write what an element holds in one line; blocks in it stay apart."""
        kind = lists.kind_of(element)
        numbers = lists.numbers(element) if lists.is_ordered(element) else iter(())
        if element.text:
            yield style.saying(_collapsed(element.text))
        for child in element:
            name = local_name(child)
            apart = name in _APART or _is_shown_as_block(child)
            if apart:
                yield style.saying(" ")
            if name == "li" and (number := next(numbers, None)) is not None:
                marker, label = lists.label(kind, child, number)
                yield style.saying(f"{label or marker} ")
            yield from self._inline(child, style)
            if apart or child.tail:
                yield style.saying(f"{' ' * apart}{_collapsed(child.tail)}")

    def _drawing(self, drawing: etree._Element) -> Iterator[Span]:
        """Write the texts and pictures in an SVG drawing."""
        walk = etree.iterwalk(drawing, events=("start",))
        for _, element in walk:
            name = local_name(element).lower()
            if name == "image":
                yield from self._image(element)
            elif name in ("text", "foreignobject"):
                walk.skip_subtree()
                yield Span(" ")
                yield from self._within(element, Span(""))
                yield Span(" ")

    def _image(self, element: etree._Element) -> Iterator[Span]:
        source = element.get("src") or attribute(element, "href") or ""
        name = self._keep_image(source) if source and not _is_icon(element) else None
        alt = element.get("alt") or ""
        alt = "" if _FILE_NAME.search(alt) else alt
        if name:
            yield Span(markdown.image(name, alt), raw=True)
        elif alt.strip():
            yield Span(f" {alt} ")

    def _spans(self, element: etree._Element) -> list[Span]:
        return list(self._within(element, Span("")))

    def _heading(self, element: etree._Element, level: int) -> list[str]:
        spans = [replace(span, bold=False, italic=False) for span in self._spans(element)]
        pictures = [span for span in spans if _is_picture(span)]
        text = markdown.inline(
            [s.saying(s.text.replace("\n", " ")) for s in spans if not _is_picture(s)]
        )
        return [markdown.heading(level, text), *(picture.text for picture in pictures)]

    def _list(self, element: etree._Element) -> list[str]:
        items = [_paragraph(element.text)]
        is_ordered, kind = lists.is_ordered(element), lists.kind_of(element)
        numbers = lists.numbers(element)
        for child in element:
            name = local_name(child)
            if name == "li":
                number = next(numbers)
                item = lists.label(kind, child, number) if is_ordered else ("-", "")
                items += self._item(child, *item)
            elif name in ("ul", "ol") and items[-1]:
                inner = markdown.indented(markdown.blocks(self._list(child)))
                items += [inner] if inner else []
            else:
                items += self._stray(child)
            if (child.tail or "").strip():
                items.append(_paragraph(child.tail))
        written = markdown.blocks(items)
        return [written] if written else []

    def _item(self, element: etree._Element, marker: str, label: str) -> list[str]:
        parts = self._children(element)
        if not parts:
            return []
        if label and _BLOCK_START.match(parts[0]):
            parts = [markdown.labelled(label, ""), *parts]
        elif label:
            parts[0] = markdown.labelled(label, parts[0])
        first, *rest = parts
        if marker == lists.BULLET and _LIST_START.match(first):
            return ["\n".join(parts)]  # an item that begins with a list of its own
        texts = [markdown.list_item(0, marker, first)]
        for part in rest:
            texts.append("\n" if _LIST_START.match(part) else "\n\n")
            texts.append(_inside_item(part, marker))
        return ["".join(texts)]

    def _term(self, element: etree._Element) -> list[str]:
        text = markdown.inline(self._spans(element), styled=False)
        return [f"**{text}**"] if text else []

    def _quotation(self, element: etree._Element) -> list[str]:
        inner = markdown.blocks(self._children(element))
        return ["\n".join(f"> {line}".rstrip() for line in inner.split("\n"))] if inner else []

    def _preformatted(self, element: etree._Element) -> list[str]:
        pictures = (e for e in element.iterdescendants() if local_name(e) in ("img", "image"))
        below = [markdown.inline(self._image(picture)) for picture in pictures]
        return [markdown.code_block(preformatted.lines(element, _BLOCKS)), *below]

    def _table(self, element: etree._Element) -> list[str]:
        table = tables.read(element)
        captions = [c for c in element if local_name(c) == "caption"]
        above = [markdown.inline(self._spans(caption)) for caption in captions]
        for stray in table.stray:
            above += self._stray(stray)
        if tables.is_layout(element, table):
            return above + [part for cell in table.cells() for part in self._children(cell)]
        return [*above, markdown.table(tables.grid(table, self._cell))]

    def _stray(self, found: str | etree._Element) -> list[str]:
        """Write what stands between the items of a list or the rows of a table."""
        if isinstance(found, str):
            return [_paragraph(found)]
        if _is_block(found):
            return self._block(found)
        return [markdown.inline(self._inline(found, Span("")))]

    def _cell(self, cell: etree._Element) -> str:
        spans = [
            replace(span, bold=False, italic=False, struck=False) for span in self._spans(cell)
        ]
        return markdown.inline(spans).replace(markdown.HARD_BREAK, " ")


def _paragraph(text: str | None) -> str:
    return markdown.inline([Span(_collapsed(text))])


def _inside_item(part: str, marker: str) -> str:
    """Indent a block so that it belongs to the item of a marker."""
    indent = " " * max(4, len(marker) + 1)
    return "\n".join(f"{indent}{line}" if line else line for line in part.split("\n"))


def _is_picture(span: Span) -> bool:
    return span.raw and span.text.startswith("![")


def _is_block(element: etree._Element) -> bool:
    if is_never_shown(element):
        return False
    return local_name(element) in _BLOCKS or _is_shown_as_block(element) or _holds_blocks(element)


def _is_shown_as_block(element: etree._Element) -> bool:
    style = element.get("style") if local_name(element) else None
    return style is not None and _SHOWN_AS_BLOCK.search(style) is not None


def _holds_blocks(element: etree._Element) -> bool:
    if local_name(element) in ("svg", "math", *forms.FIELDS):
        return False
    if not len(element):  # most have no children: the search takes longer to begin
        return False
    return next(element.iter(*_BLOCKS), None) is not None


def _is_icon(element: etree._Element) -> bool:
    sides = (whole_number(element.get(name)) for name in ("width", "height"))
    return any(side is not None and side < limits.IMAGE_MIN_SIDE_PIXELS for side in sides)


def _own_style(name: str, element: etree._Element, style: Span) -> Span:
    own = dict(_STYLES.get(name, ()))
    raised = _RAISED.search(element.get("style") or "") if name not in _APART else None
    if element.get("role") == "doc-noteref" or element.get("epub:type") == "noteref":
        own |= _STYLES["sup"]
    elif raised is not None:
        own = _STYLES[raised[1].lower()[:3]] | own
    if name == "a" and element.get("href"):
        own["target"] = (element.get("href") or "").strip()
    return replace(style, **own) if own else style


def _collapsed(text: str | None) -> str:
    """Collapse white space; soft hyphens go, which no reader sees."""
    if not text:
        return ""
    if _OTHER_SPACES.search(text) is None:  # then split() is the same, and faster
        return " ".join(f"x{text}x".split())[1:-1].replace("\xad", "")
    return _SPACES.sub(" ", text).replace("\xad", "")
