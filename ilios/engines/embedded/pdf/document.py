"""PDF files: decides for each page between its text layer and text recognition."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Final

from ilios.engines import conversion_warnings, document_errors
from ilios.engines.base import ConversionWarning, DocumentInfo, Page, Source
from ilios.engines.embedded import limits, markdown
from ilios.engines.embedded.alignment import Placed
from ilios.engines.embedded.image_files import Box, ImageFolder
from ilios.engines.embedded.ocr.detection import Image
from ilios.engines.embedded.ocr.page_reader import PageReader, RecognizedPage, is_blank
from ilios.engines.embedded.pdf import fidelity, forms, places, reading, text_layer
from ilios.engines.embedded.pdf.blocks import Piece
from ilios.engines.embedded.pdf.page_images import SCAN_SHARE, SPARSE_CHARACTERS
from ilios.engines.embedded.pdf.pdfium import PageFacts, PdfFile, UnreadablePage
from ilios.engines.embedded.pdf.text_layer import LayerPage
from ilios.engines.embedded.structure import PlacedPage

PAGE_IMAGE_SHARE: Final = 0.8
TRUSTED_CONFIDENCE: Final = 0.85
"""A text layer is replaced only by text recognised with at least this confidence."""
PREVIEW_DPI: Final = 40
UNREADABLE_PAGES: Final = 50
"""After so many damaged pages one after another the document is given up."""
PARTS_READ: Final = 8
"""So many parts of a page are recognised by themselves; beyond, the page says that it is unsure."""
DOUBTED: Final = 0.5
"""The confidence at most, where fonts do not tell which characters they show."""
CUT_MARGIN: Final = 4.0
CUT_MIN_PIXELS: Final = 16
_NOTHING = LayerPage("", {}, ())


@dataclass(frozen=True, slots=True)
class _PageText:
    """The text of a page, what is shown where, and how much of it is probably right."""

    markdown: str
    warnings: tuple[ConversionWarning, ...]
    places: tuple[Placed, ...] = ()
    lines: tuple[Placed, ...] = ()
    confidence: float | None = None
    turns: int = 0


def open_document(source: Source, workspace: Path, threads: int) -> PdfDocument:
    return PdfDocument(source, workspace, threads)


class PdfDocument:
    """A PDF, converted in ranges of pages so that memory does not grow with its length."""

    def __init__(self, source: Source, workspace: Path, threads: int) -> None:
        self._file = PdfFile(source.path, workspace, source.password)
        # liteparse decides by the extension, which a stored object may lack
        self._path = workspace / ".source.pdf"
        self._path.unlink(missing_ok=True)
        self._path.symlink_to(source.path.resolve())
        self._images = ImageFolder(workspace)
        self._reader = PageReader(threads)
        self.page_count = self._file.page_count

    def info(self) -> DocumentInfo:
        return self._file.info()

    def close(self) -> None:
        self._file.close()
        self._path.unlink(missing_ok=True)

    def pages(self, indexes: Sequence[int]) -> Iterator[PlacedPage]:
        unreadable = 0
        any_page = False
        for start in range(0, len(indexes), limits.PDF_PAGES_AT_ONCE):
            part = indexes[start : start + limits.PDF_PAGES_AT_ONCE]
            facts = {index: self._facts(index) for index in part}
            readable = {index: page for index, page in facts.items() if page is not None}
            layers = self._layers(readable)
            for index, page in facts.items():
                unreadable = 0 if page else unreadable + 1
                any_page |= page is not None
                if unreadable > UNREADABLE_PAGES:
                    raise document_errors.corrupt(f"PDF from page {index + 2 - unreadable} on")
                layer = layers.pop(index, _NOTHING)
                yield self._with_rest(self._page(index, page, layer), first=index == indexes[0])
        if not any_page:
            raise document_errors.corrupt("PDF")

    def _facts(self, index: int) -> PageFacts | None:
        try:
            return self._file.facts(index)
        except UnreadablePage:
            return None

    def _layers(self, facts: dict[int, PageFacts]) -> dict[int, LayerPage]:
        """Parse pages together; those with an image beyond the limit separately, without images."""
        copied = {
            i: page.copy for i, page in facts.items() if page.copy and page.is_parsed_by_itself
        }
        huge = [i for i, page in facts.items() if _has_huge_image(page)]
        usual = [i for i in facts if i not in huge]
        layers: dict[int, LayerPage] = {}
        for group, with_images in ((usual, True), (huge, False)):
            shared = {index: facts[index] for index in group if index not in copied}
            if shared:
                layers |= text_layer.parse(
                    self._path, shared, self._file.password, with_images=with_images
                )
        for index, copy in copied.items():
            parsed = text_layer.parse(copy, {0: facts[index]}, with_images=index not in huge)
            layers[index] = parsed.get(0, _NOTHING)
        return layers

    def _page(self, index: int, facts: PageFacts | None, layer: LayerPage) -> PlacedPage:
        number = index + 1
        if facts is None:
            unreadable = Page(index, "", warnings=(conversion_warnings.unreadable_page(number),))
            return PlacedPage(unreadable, ())
        read = self._text(index, facts, layer)
        needs_reading = self._needs_reading(index, facts, layer)
        if needs_reading:
            read = self._read(index, facts, read)
        text = reading.with_added(read.markdown, facts)
        warnings = read.warnings
        if not needs_reading and not text.strip() and not facts.fields:
            warnings = (conversion_warnings.blank_page(number),)
        scan_share = SCAN_SHARE if needs_reading else PAGE_IMAGE_SHARE
        body, pictures = self._with_images(
            number, facts, layer, text, scan_share if text.strip() else 2.0
        )
        body = markdown.blocks([body, forms.listed(facts.fields)])
        if _has_huge_image(facts):
            warnings += (conversion_warnings.image_left_out(number),)
        files = [name for name in facts.annotations.files if name not in self._file.attachments[1]]
        if files:
            warnings += (conversion_warnings.attachments_left_out(len(files), files, number),)
        if facts.copy:
            facts.copy.unlink(missing_ok=True)
        page = Page(
            index,
            body,
            facts.width,
            facts.height,
            images=self._images.take(),
            warnings=warnings,
            confidence=read.confidence if read.markdown.strip() else None,
            turns=read.turns,
        )
        return PlacedPage(page, [*read.places, *pictures], read.lines)

    def _with_rest(self, placed: PlacedPage, *, first: bool) -> PlacedPage:
        """Add what the document holds beside its pages: an XML form's values, attached files."""
        if not first:
            return placed
        page = placed.page
        body, warnings = page.markdown, page.warnings
        if self._file.is_xml_form:
            body = markdown.blocks([body, self._file.xml_form()])
            warnings += (conversion_warnings.xml_form(),)
        count, names = self._file.attachments
        if count:
            warnings += (conversion_warnings.attachments_left_out(count, names),)
        return replace(placed, page=replace(page, markdown=body, warnings=warnings))

    def _text(self, index: int, facts: PageFacts, layer: LayerPage) -> _PageText:
        """Return the better reading of the text layer; parts without characters are recognised."""
        lines = cache(lambda: self._file.lines(index, facts))
        read = reading.read(index + 1, facts, layer, lines)
        text = _PageText(
            read.markdown,
            read.warnings,
            tuple(places.of_layout(layer, facts)),
            tuple(places.of_lines(lines(), facts)) if read.is_by_lines else (),
        )
        if read.unreadable:
            _refuse_if_unrenderable(index, facts)
            text = self._with_recognized_parts(index, facts, read.unreadable, text)
        is_doubted = any(w.code == conversion_warnings.LOW_CONFIDENCE for w in text.warnings)
        return replace(text, confidence=min(read.confidence, DOUBTED if is_doubted else 1.0))

    def _with_recognized_parts(
        self, index: int, facts: PageFacts, unreadable: Sequence[Piece], read: _PageText
    ) -> _PageText:
        image = self._file.render(index)
        text, unread = read.markdown, len(unreadable) - PARTS_READ
        shown = list(read.places)
        for part in unreadable[:PARTS_READ]:
            if part.box is None or facts.text_turns:
                unread = max(unread, 0) + 1
                continue
            cut, box = _cut(image, part.box, facts)
            if min(cut.shape[:2]) < CUT_MIN_PIXELS:  # outside of the page
                unread = max(unread, 0) + 1
                continue
            recognized = self._reader.read(cut, index + 1)
            if recognized.text.confidence >= TRUSTED_CONFIDENCE and part.text in text:
                text = text.replace(part.start + part.text, recognized.markdown, 1)
                shown += places.within(recognized.places, box, cut.shape)
            else:
                unread = max(unread, 0) + 1
        doubt = (conversion_warnings.unreadable_text_layer(index + 1),) if unread > 0 else ()
        return replace(read, markdown=text, warnings=read.warnings + doubt, places=tuple(shown))

    def _needs_reading(self, index: int, facts: PageFacts, layer: LayerPage) -> bool:
        if reading.is_garbled(facts, layer):
            return True
        known = layer.markdown if fidelity.is_garbled(facts.own_text) else facts.own_text
        characters = fidelity.visible_characters(known)
        if characters >= SPARSE_CHARACTERS:
            return False
        if facts.image_share >= SCAN_SHARE:
            return True
        has_text = characters or facts.annotations.undrawn or facts.text.strip()
        return not has_text and not self._is_blank(index, facts)

    def _is_blank(self, index: int, facts: PageFacts) -> bool:
        _refuse_if_unrenderable(index, facts)
        return is_blank(self._file.render(index, PREVIEW_DPI))

    def _read(self, index: int, facts: PageFacts, layer: _PageText) -> _PageText:
        """Recognise the rendered page; keep the text layer if it holds more."""
        _refuse_if_unrenderable(index, facts)
        image = self._file.render(index)
        recognized = self._reader.read(image, index + 1)
        if not fidelity.visible_characters(facts.text) or _is_better(recognized, facts):
            return _PageText(
                recognized.markdown,
                recognized.warnings,
                tuple(places.within(recognized.places, facts.box, image.shape)),
                confidence=recognized.confidence,
                turns=recognized.turns,
            )
        if not fidelity.is_garbled(facts.text):
            return layer
        doubt = conversion_warnings.unreadable_text_layer(index + 1)
        return replace(layer, warnings=(*layer.warnings, doubt), confidence=DOUBTED)

    def _with_images(
        self, number: int, facts: PageFacts, layer: LayerPage, text: str, scan_share: float
    ) -> tuple[str, list[Placed]]:
        """Write the images and refer to them in the text; images of the whole page are left out."""
        names: dict[str, str | None] = {}
        shown: list[Placed] = []
        for count, (key, picture) in enumerate(layer.pictures.items(), start=1):
            left, top, right, bottom = picture.bbox
            share = (right - left) * (bottom - top) / max(facts.width * facts.height, 1)
            if share < scan_share and picture.content:
                stem = f"page-{number}-image-{count}"
                box = facts.shown(picture.bbox)
                names[key] = name = self._images.add(stem, picture.content, box)
                if name is not None:
                    shown.append(Placed(box, kind="image", name=name))
        named = text_layer.with_image_names(text, names)
        missing = [name for name in dict.fromkeys(names.values()) if name and name not in named]
        return markdown.blocks([named, *(markdown.image(name) for name in missing)]), shown


def _cut(image: Image, box: Box, facts: PageFacts) -> tuple[Image, Box]:
    """Return what a box of a rendered page shows, with a margin, and the box with it; in points."""
    height, width = image.shape[:2]
    left, top, right, bottom = box
    across, down = width / max(facts.width, 1), height / max(facts.height, 1)
    first, last = (
        min(max(int(side), 0), height)
        for side in ((top - CUT_MARGIN) * down, (bottom + CUT_MARGIN) * down + 1)
    )
    start, end = (
        min(max(int(side), 0), width)
        for side in ((left - CUT_MARGIN) * across, (right + CUT_MARGIN) * across + 1)
    )
    return image[first:last, start:end], (start / across, first / down, end / across, last / down)


def _is_better(recognized: RecognizedPage, facts: PageFacts) -> bool:
    if recognized.text.confidence < TRUSTED_CONFIDENCE:
        return False
    if fidelity.is_garbled(facts.text):
        return len(recognized.text.plain) >= 0.5 * fidelity.visible_characters(facts.text)
    return len(recognized.text.plain) >= 0.8 * fidelity.visible_characters(facts.text)


def _has_huge_image(facts: PageFacts) -> bool:
    return facts.largest_image_pixels > limits.IMAGE_MAX_PIXELS


def _refuse_if_unrenderable(index: int, facts: PageFacts) -> None:
    if facts.largest_image_pixels > limits.RASTER_MAX_PIXELS:
        raise document_errors.too_large(
            f"Page {index + 1} holds an image of {facts.largest_image_pixels // 1_000_000} million "
            "pixels",
            f"{limits.RASTER_MAX_PIXELS // 1_000_000} million",
        )
