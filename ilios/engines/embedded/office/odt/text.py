"""The text of OpenDocument paragraphs: styles, links, notes, comments, fields, what is drawn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Final

from lxml import etree

from ilios.engines.embedded import markdown, symbol_fonts
from ilios.engines.embedded.archive import attribute, child, children, local_name
from ilios.engines.embedded.formulas import mathml
from ilios.engines.embedded.image_files import ImageFolder, unkept_kind
from ilios.engines.embedded.markdown import Span
from ilios.engines.embedded.office.odt import forms
from ilios.engines.embedded.office.odt.package import OdtPackage
from ilios.engines.embedded.office.odt.styles import Styles, hides_paragraph

_SKIPPED_WORDS: Final = "annotation-end tracked-changes script number event-listeners"
_SKIPPED = frozenset(_SKIPPED_WORDS.split())
_DRAWN_WORDS: Final = (
    "frame g custom-shape rect ellipse circle line polyline polygon regular-polygon path "
    "connector caption measure control scene"
)
DRAWN = frozenset(_DRAWN_WORDS.split())
"""Pictures, text boxes and shapes, which may hold text."""
_BESIDE: Final = ("paragraph", "char", "page")  #: anchors of what does not stand in the line
_FLOATING: Final = DRAWN | {"p", "h"}
_UNREADABLE: Final = ("object", "object-ole", "plugin", "applet", "floating-frame")
_DESCRIPTIONS: Final = "{urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0}"

_PLAIN = Span("")
NAME_MAX_CHARACTERS: Final = 100

WriteBlocks = Callable[[etree._Element], Iterable[str]]


class OdtText:
    """Turns paragraphs into spans; collects notes, comments, and what does not fit in a line."""

    def __init__(
        self, package: OdtPackage, images: ImageFolder, styles: Styles, write_blocks: WriteBlocks
    ) -> None:
        self._package = package
        self._images = images
        self._write_blocks = write_blocks
        self._waiting: list[etree._Element] = []
        self._seen: set[str] = set()
        self._pictures_read: dict[str, tuple[str | None, str | None]] = {}
        self._forms = forms.controls(package.content)
        self._has_hiding_fields = hides_paragraph(package.content)
        self.styles = styles
        self.is_in_cell = False  #: where all text stays in one line
        self.notes: list[str] = []
        self.comments: list[str] = []
        self.unread_objects: list[str] = []
        self.left_out: Counter[str] = Counter()
        """Pictures that are not kept, by their kind."""

    def spans(self, element: etree._Element, style: Span | None = None) -> Iterator[Span]:
        style = style or Span("")
        if element.text:
            yield style.saying(_collapsed(element.text))
        for part in element:
            yield from self._part(part, local_name(part), style)
            if part.tail:
                yield style.saying(_collapsed(part.tail))

    def paragraph(self, element: etree._Element) -> list[Span]:
        """Return the spans of a paragraph or heading; none if it is hidden."""
        return [] if self.is_hidden(element) else list(self.spans(element))

    def is_hidden(self, paragraph: etree._Element) -> bool:
        name = attribute(paragraph, "style-name") or ""
        return self.styles.is_hidden("paragraph", name) or (
            self._has_hiding_fields and hides_paragraph(paragraph)
        )

    def drawing(self, element: etree._Element) -> Iterator[Span]:
        """Yield pictures, formulas, and the text of boxes and shapes, with spaces around them."""
        yield Span(" ")
        name = local_name(element)
        if name == "frame":
            yield from self._frame(element)
        elif name == "control":
            yield Span(f"{self._forms.pop(attribute(element, 'control') or '', '')} ")
        else:
            yield from self._boxed(element, element)

    def drawn(self, element: etree._Element) -> list[Span]:
        """Return what is drawn beside the paragraphs of a cell, or noted at it."""
        return list(self._part(element, local_name(element), Span("")))

    def take_waiting(self) -> list[etree._Element]:
        """Return what is drawn in the paragraphs so far, but is written as blocks of its own."""
        waiting, self._waiting = self._waiting, []
        return waiting

    def _boxed(self, box: etree._Element, anchored: etree._Element | None = None) -> Iterator[Span]:
        """Yield the text in a box or shape.

        A box with lists or tables, or one that floats beside the text, waits for its turn.
        """
        names = {local_name(part) for part in box}
        floats = not self.is_in_cell and attribute(anchored, "anchor-type") in _BESIDE
        if names & {"list", "table", "section"} or (floats and names & _FLOATING):
            self._waiting.append(box)
            return
        for part in box:
            if local_name(part) in ("p", "h"):
                yield from (*self.paragraph(part), Span(" "))
            elif local_name(part) in DRAWN:
                yield from self.drawing(part)
            elif local_name(part) == "a":
                yield from self.spans(part)

    def _frame(self, frame: etree._Element) -> Iterator[Span]:
        """Yield the first of the forms of a frame's content that can be written."""
        for part in frame:
            name = local_name(part)
            if name == "object" and self._is_new(part):
                root = self._package.embedded(part)
                if root is not None and local_name(root) == "math":
                    yield from (Span(" "), mathml.span(root), Span(" "))
                    return
                if root is not None:
                    self._waiting.append(root)
                    return
            elif name in ("text-box", "table"):
                yield from self._boxed(part if name == "text-box" else frame, frame)
                return
        yield from self._pictures(frame)

    def _is_new(self, element: etree._Element) -> bool:
        """Return whether an object comes for the first time: objects may hold themselves."""
        href = attribute(element, "href")
        is_new = href is None or href not in self._seen
        if href is not None:
            self._seen.add(href)
        return is_new

    def _pictures(self, frame: etree._Element) -> Iterator[Span]:
        """Yield a frame's first picture that can be kept, else what describes it."""
        description = _description(frame)
        kinds: list[str | None] = []
        images = list(children(frame, "image"))
        for image in images:
            kept, kind = self._kept(image)
            if kept:
                yield Span(f" {markdown.image(kept, description)} ", raw=True)
                break
            kinds.append(kind)
        else:
            if not images and any(local_name(part) in _UNREADABLE for part in frame):
                self.unread_objects.append(_name(frame))
            self.left_out.update(kind for kind in kinds[:1] if kind)
            yield Span(f" {description} ")
        for image in images:
            yield from self._boxed(image)

    def _kept(self, image: etree._Element) -> tuple[str | None, str | None]:
        """Return the name under which a picture is kept, and its kind if it is not."""
        href = attribute(image, "href") or ""
        if href not in self._pictures_read or not href:
            name, content = self._package.picture(image)
            kept = self._images.add(f"image-{_stem(name)}", content) if content else None
            self._pictures_read[href] = kept, None if kept else unkept_kind(name, content)
        return self._pictures_read[href]

    def _part(self, part: etree._Element, name: str, style: Span) -> Iterator[Span]:
        if name in _SKIPPED or not name or part.tag.startswith(_DESCRIPTIONS):
            return
        if name in ("s", "tab"):
            yield style.saying(" ")
        elif name == "line-break":
            yield style.saying("\n")
        elif name == "span":
            yield from self._span(part, style)
        elif name == "a":
            yield from self.spans(part, replace(style, target=attribute(part, "href")))
        else:
            yield from self._special(part, name, style)

    def _special(self, part: etree._Element, name: str, style: Span) -> Iterator[Span]:
        if name == "note":
            yield self._note(part)
        elif name == "annotation":
            yield self._comment(part)
        elif name == "ruby":
            yield from self._ruby(part, style)
        elif name in DRAWN:
            yield from self.drawing(part)
        elif not _is_field_hidden(part, name):
            yield from self.spans(part, style)

    def _span(self, part: etree._Element, style: Span) -> Iterator[Span]:
        name = attribute(part, "style-name") or ""
        if self.styles.is_hidden("text", name):
            return
        spans = self.spans(part, _combined(style, self.styles.span(name)))
        font = self.styles.symbol_font(name)
        if not font:
            yield from spans
            return
        for span in spans:
            yield span if span.raw else span.saying(symbol_fonts.text(font, span.text))

    def _ruby(self, ruby: etree._Element, style: Span) -> Iterator[Span]:
        """Yield a word, and how it is read in brackets behind it."""
        for part in ruby:
            if local_name(part) == "ruby-base":
                yield from self.spans(part, style)
            elif local_name(part) == "ruby-text" and (reading := _text(part)):
                yield style.saying(f"({reading})")

    def _note(self, note: etree._Element) -> Span:
        number = len(self.notes) + 1
        self.notes.append("")
        body = child(note, "note-body")
        self.notes[number - 1] = markdown.note(str(number), self._apart(body))
        return Span(f"[^{number}]", raw=True)

    def _comment(self, comment: etree._Element) -> Span:
        """Return the mark of a comment; comments are counted apart, so that notes keep numbers."""
        author = _text(child(comment, "creator")).rstrip(".")
        place = len(self.comments)
        name = f"comment-{place + 1}"
        self.comments.append("")
        by = f"Comment by {author}:" if author else "Comment:"
        self.comments[place] = markdown.note(name, f"{markdown.escaped(by)} {self._apart(comment)}")
        return Span(f"[^{name}]", raw=True)

    def _apart(self, body: etree._Element | None) -> str:
        """Write what a note or comment holds; lists and tables in it are indented below it."""
        if body is None:
            return ""
        outer, self._waiting = self._waiting, []
        parts = [part for part in self._write_blocks(body) if part]
        self._waiting = outer
        names = {local_name(part) for part in body}
        if not names & {"list", "table", "section"}:
            return " ".join(parts)
        return markdown.indented(markdown.blocks(parts)).lstrip(" ")


def _stem(name: str) -> str:
    stem = PurePosixPath(name).stem[:40]
    return "".join(c if c.isascii() and c.isalnum() else "-" for c in stem)


def _name(frame: etree._Element) -> str:
    """Return what a frame is called, in a form that fits into a sentence."""
    name = "".join(c for c in attribute(frame, "name") or "" if c.isprintable())
    return f'"{name[:NAME_MAX_CHARACTERS]}"' if name else "in a frame"


def _description(frame: etree._Element) -> str:
    described = child(frame, "desc"), child(frame, "title")
    return next((e.text for e in described if e is not None and e.text), "")


def _is_field_hidden(part: etree._Element, name: str) -> bool:
    if name == "hidden-text":
        return attribute(part, "is-hidden") == "true"
    return attribute(part, "display") == "none"


def _combined(outer: Span, inner: Span) -> Span:
    if inner == _PLAIN:
        return outer
    raised = inner.superscript or inner.subscript
    return replace(
        outer,
        bold=outer.bold or inner.bold,
        italic=outer.italic or inner.italic,
        struck=outer.struck or inner.struck,
        superscript=inner.superscript if raised else outer.superscript,
        subscript=inner.subscript if raised else outer.subscript,
    )


def _text(element: etree._Element | None) -> str:
    return " ".join("".join(map(str, element.itertext())).split()) if element is not None else ""


def _collapsed(text: str | None) -> str:
    return " ".join(f"x{text}x".split())[1:-1] if text else ""
