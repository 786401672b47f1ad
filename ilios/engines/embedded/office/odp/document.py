"""OpenDocument presentations, packed or flat; a page is a slide."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Final

from lxml import etree

from ilios.engines import conversion_warnings, document_errors
from ilios.engines.base import ConversionWarning, Page, Source
from ilios.engines.embedded import accounting, markdown, quotations
from ilios.engines.embedded.archive import attribute, child, children, local_name
from ilios.engines.embedded.image_files import ImageFolder
from ilios.engines.embedded.limits import NAME_MAX_CHARACTERS
from ilios.engines.embedded.office.odt import source_words
from ilios.engines.embedded.office.odt.blocks import Blocks
from ilios.engines.embedded.office.odt.package import OdtPackage
from ilios.engines.embedded.office.odt.styles import Styles, elements, sections
from ilios.engines.embedded.office.odt.text import DRAWN

KIND: Final = "OpenDocument presentation"
OBJECTS_TOLD: Final = 10
_TITLES: Final = ("title",)
_OF_EACH_SLIDE: Final = ("header", "footer", "date-time", "page-number")
_BOXES: Final = ("text-box", "table")
_GROUPS: Final = ("g", "a")


def open_document(source: Source, workspace: Path, threads: int) -> OdpDocument:
    del threads
    with ExitStack() as opened:
        package = opened.enter_context(closing(OdtPackage(source.path, KIND)))
        document = OdpDocument(package, ImageFolder(workspace))
        opened.pop_all()
    return document


class OdpDocument:
    """A presentation whose slides are converted one at a time."""

    def __init__(self, package: OdtPackage, images: ImageFolder) -> None:
        body = child(package.content, "body", "presentation")
        if body is None:
            raise document_errors.corrupt(KIND)
        self._package = package
        self._images = images
        self._slides = list(children(body, "page"))
        if not self._slides:
            raise document_errors.empty(KIND)
        named, repeated = sections(package.styles)
        automatic = sections(package.content)[1]
        self._styles = Styles(elements(named), elements(automatic))
        self._writer = Blocks(package, images, self._styles, [named, repeated, automatic])
        self._told_damaged: set[str] = set()

    @property
    def page_count(self) -> int:
        return len(self._slides)

    def pages(self, indexes: Sequence[int]) -> Iterator[Page]:
        for index in indexes:
            slide = self._slides[index]
            text = self._markdown(slide)
            warnings = tuple(self._warnings(slide, text, index + 1))
            yield Page(index, text, images=self._images.take(), warnings=warnings)

    def close(self) -> None:
        self._package.close()

    def _markdown(self, slide: etree._Element) -> str:
        titles: list[str] = []
        blocks: list[str] = []
        for shape in _shapes(slide):
            kind = attribute(shape, "class") or ""
            if kind in _OF_EACH_SLIDE or attribute(shape, "placeholder") == "true":
                continue
            written = list(self._shape(shape))
            if kind in _TITLES:
                titles.append(markdown.heading(1, " ".join(filter(None, written))))
            else:
                blocks += written
        notes, self._writer.text.notes[:] = list(self._writer.text.notes), []
        return markdown.blocks([*titles, *blocks, *notes, *self._beside(slide)])

    def _shape(self, shape: etree._Element) -> Iterator[str]:
        """Write a frame with text, a table or a picture, or a shape with its text."""
        box = next(children(shape, *_BOXES), None)
        if local_name(shape) != "frame":
            yield from self._writer.blocks(_without(shape, "title", "desc"))
        elif box is not None and local_name(box) == "text-box":
            yield from self._writer.blocks(box)
        elif box is not None:
            yield markdown.table(self._writer.tables.rows(box))
        else:
            yield markdown.inline(self._writer.text.drawing(shape))
            yield from self._writer.waiting()

    def _beside(self, slide: etree._Element) -> Iterator[str]:
        """Yield speaker notes and comments."""
        notes = child(slide, "notes")
        boxes = (b for f in (notes if notes is not None else ()) for b in children(f, "text-box"))
        shown = [f for b in boxes if not _is_numbered(b) for f in self._writer.blocks(b) if f]
        yield quotations.quoted("Notes", shown)
        comments = (self._comment(each) for each in children(slide, "annotation"))
        yield quotations.quoted("Comments", [comment for comment in comments if comment])

    def _comment(self, comment: etree._Element) -> str:
        creator = child(comment, "creator")
        author = " ".join((creator.text or "").split()) if creator is not None else ""
        text = " ".join(block for block in self._writer.blocks(comment) if block)
        named = markdown.escaped(author[:NAME_MAX_CHARACTERS])
        return markdown.escaped_start(f"{named}: {text}" if named and text else text)

    def _warnings(
        self, slide: etree._Element, text: str, number: int
    ) -> Iterator[ConversionWarning]:
        """Say what is missing from a slide, or that it is blank."""
        written = self._writer.text
        if not text:
            yield conversion_warnings.blank_page(number)
        for kind, count in sorted(written.left_out.items()):
            yield conversion_warnings.pictures_left_out(kind, count, number)
        for name in written.unread_objects[:OBJECTS_TOLD]:
            yield conversion_warnings.embedded_left_out(name, number)
        written.left_out.clear()
        written.unread_objects.clear()
        for name in sorted(self._package.damaged - self._told_damaged):
            self._told_damaged.add(name)
            yield conversion_warnings.part_damaged(name, number)
        lost, total = accounting.lost_words(
            accounting.rough_text(slide),
            lambda: source_words.of_element(slide, self._package, self._styles),
            text,
        )
        if accounting.is_notable(lost, total):
            yield conversion_warnings.text_left_out(f"slide {number}", lost, total, number)
        if self._writer.tables.is_cut:
            self._writer.tables.is_cut = False
            yield conversion_warnings.table_cut(number)


def _shapes(container: etree._Element) -> Iterator[etree._Element]:
    """Yield the shapes of a slide in their order, also those in groups."""
    waiting = list(reversed(container))
    while waiting:
        shape = waiting.pop()
        name = local_name(shape)
        if name in _GROUPS:
            waiting += reversed(shape)
        elif name in DRAWN:
            yield shape


def _without(shape: etree._Element, *names: str) -> etree._Element:
    for part in list(children(shape, *names)):
        shape.remove(part)
    return shape


def _is_numbered(box: etree._Element) -> bool:
    """Return whether a box of the notes holds only the number of the page."""
    return next(box.iter("{*}page-number"), None) is not None
