"""The text of OpenDocument paragraphs: styles, links, notes, pictures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Final

from lxml import etree

from ilios.engines.embedded import markdown, mathml
from ilios.engines.embedded.archive import Archive, attribute, child, children, local_name, resolved
from ilios.engines.embedded.image_files import ImageFolder
from ilios.engines.embedded.markdown import Span

_SKIPPED_WORDS: Final = "annotation annotation-end tracked-changes desc title"
_SKIPPED = frozenset(_SKIPPED_WORDS.split())
_DRAWN_WORDS: Final = (
    "frame g custom-shape rect ellipse circle line polyline polygon path connector caption"
)
DRAWN = frozenset(_DRAWN_WORDS.split())
"""Pictures, text boxes and shapes, which may hold text."""


class OdtText:
    """Turns paragraphs into spans; collects notes, and numbers of lists that continue."""

    def __init__(self, archive: Archive, images: ImageFolder, root: etree._Element) -> None:
        self._archive = archive
        self._images = images
        self._styles = {
            attribute(style, "name") or "": _style(child(style, "text-properties"))
            for style in root.iter("{*}style")
        }
        self._numbers: dict[tuple[str | None, int], int] = {}
        self.notes: list[str] = []

    def spans(self, element: etree._Element, style: Span | None = None) -> Iterator[Span]:
        style = style or Span("")
        yield replace(style, text=_collapsed(element.text))
        for part in element:
            yield from self._part(part, local_name(part), style)
            yield replace(style, text=_collapsed(part.tail))

    def drawing(self, element: etree._Element) -> Iterator[Span]:
        """Yield pictures, formulas, and the text of boxes and shapes, with spaces around them."""
        yield Span(" ")
        if local_name(element) == "frame":
            yield from self._frame(element)
        else:
            for part in element:
                if local_name(part) in DRAWN:
                    yield from self.drawing(part)
                elif local_name(part) in ("p", "h"):
                    yield from (*self.spans(part), Span(" "))

    def next_number(self, style: str | None, depth: int, *, continued: bool) -> int:
        return self._numbers.get((style, depth), 1) if continued else 1

    def remember_number(self, style: str | None, depth: int, number: int) -> None:
        self._numbers[style, depth] = number

    def _frame(self, element: etree._Element) -> Iterator[Span]:
        described = child(element, "desc"), child(element, "title")
        description = next((e.text for e in described if e is not None and e.text), "")
        for part in element:
            if local_name(part) == "image":
                reference = self._picture(attribute(part, "href") or "", description)
                if reference:
                    yield Span(f" {reference} ", raw=True)
                    return
            elif local_name(part) == "object" and (formula := self._formula(part)):
                yield Span(f" {formula} ")
                return
            elif local_name(part) == "text-box":
                for paragraph in paragraphs(part):
                    yield from (*self.spans(paragraph), Span(" "))

    def _part(self, part: etree._Element, name: str, style: Span) -> Iterator[Span]:
        if name in _SKIPPED or not name:
            return
        if name in ("s", "tab"):
            yield replace(style, text=" ")
        elif name == "line-break":
            yield replace(style, text="\n")
        elif name == "span":
            own = self._styles.get(attribute(part, "style-name") or "", Span(""))
            yield from self.spans(part, _combined(style, own))
        elif name == "a":
            yield from self.spans(part, replace(style, target=attribute(part, "href")))
        elif name == "note":
            yield self._note(part)
        elif name in DRAWN:
            yield from self.drawing(part)
        else:
            yield from self.spans(part, style)

    def _note(self, note: etree._Element) -> Span:
        number = len(self.notes) + 1
        self.notes.append("")
        body = child(note, "note-body")
        texts = (
            [markdown.inline(self.spans(p)) for p in children(body, "p")]
            if body is not None
            else []
        )
        self.notes[number - 1] = f"[^{number}]: {' '.join(texts)}"
        return Span(f"[^{number}]", raw=True)

    def _formula(self, element: etree._Element) -> str:
        """Write an embedded formula; it is in the frame itself or in a part of its own."""
        root = next(children(element, "math"), None)
        if root is None:
            part = resolved("", f"{attribute(element, 'href') or ''}/content.xml")
            root = self._archive.optional_xml(part)
        return mathml.to_text(root) if root is not None and local_name(root) == "math" else ""

    def _picture(self, href: str, description: str) -> str | None:
        part = resolved("", href)
        if part not in self._archive:
            return None
        stem = "".join(c if c.isascii() and c.isalnum() else "-" for c in PurePosixPath(part).stem)
        name = self._images.add(f"image-{stem[:40]}", self._archive.read_or_empty(part))
        return markdown.image(name, description) if name else None


def paragraphs(element: etree._Element) -> Iterator[etree._Element]:
    """Yield all paragraphs below an element; those of a box in a paragraph belong to that one."""
    for part in element:
        if local_name(part) in ("p", "h"):
            yield part
        else:
            yield from paragraphs(part)


def _style(properties: etree._Element | None) -> Span:
    struck = attribute(properties, "text-line-through-style") or "none"
    return Span(
        "",
        bold=attribute(properties, "font-weight") in ("bold", "700", "800", "900"),
        italic=attribute(properties, "font-style") in ("italic", "oblique"),
        struck=struck != "none",
    )


def _combined(outer: Span, inner: Span) -> Span:
    return replace(
        outer,
        bold=outer.bold or inner.bold,
        italic=outer.italic or inner.italic,
        struck=outer.struck or inner.struck,
    )


def _collapsed(text: str | None) -> str:
    return " ".join(f"x{text}x".split())[1:-1] if text else ""
