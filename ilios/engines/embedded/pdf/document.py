"""PDF files: decides for each page between its text layer and text recognition."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from ilios.engines import conversion_warnings, document_errors
from ilios.engines.base import ConversionWarning, Page, Source
from ilios.engines.embedded import limits, markdown
from ilios.engines.embedded.image_files import Box, ImageFolder
from ilios.engines.embedded.ocr.detection import Image
from ilios.engines.embedded.ocr.page_reader import PageReader, RecognizedPage, is_blank
from ilios.engines.embedded.pdf import fidelity, forms, reading, text_layer
from ilios.engines.embedded.pdf.pdfium import PageFacts, PdfFile, UnreadablePage
from ilios.engines.embedded.pdf.reading import Reading
from ilios.engines.embedded.pdf.text_layer import LayerPage

SPARSE_CHARACTERS: Final = 200
"""A stamp, a page number or a file name on a scan is shorter than this."""
SCAN_SHARE: Final = 0.5
"""An image that covers at least this share of a page with sparse text is a scan."""
PAGE_IMAGE_SHARE: Final = 0.8
TRUSTED_CONFIDENCE: Final = 0.85
"""A text layer is replaced only by text recognised with at least this confidence."""
PREVIEW_DPI: Final = 40
UNREADABLE_PAGES: Final = 50
"""After so many damaged pages one after another the document is given up."""
PARTS_READ: Final = 8
"""So many parts of a page are recognised by themselves; beyond, the page says that it is unsure."""
CUT_MARGIN: Final = 4.0
CUT_MIN_PIXELS: Final = 16
_NOTHING = LayerPage("", {}, ())


def open_document(source: Source, workspace: Path, threads: int) -> PdfDocument:
    return PdfDocument(source.path, workspace, threads)


class PdfDocument:
    """A PDF, converted in ranges of pages so that memory does not grow with its length."""

    def __init__(self, path: Path, workspace: Path, threads: int) -> None:
        self._file = PdfFile(path, workspace)
        # liteparse decides by the extension, which a stored object may lack
        self._path = workspace / ".source.pdf"
        self._path.unlink(missing_ok=True)
        self._path.symlink_to(path.resolve())
        self._images = ImageFolder(workspace)
        self._reader = PageReader(threads)
        self.page_count = self._file.page_count

    def close(self) -> None:
        self._file.close()
        self._path.unlink(missing_ok=True)

    def pages(self, indexes: Sequence[int]) -> Iterator[Page]:
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
        turns = {index: page.text_turns for index, page in facts.items() if page.text_turns}
        copied = {
            i: page.copy for i, page in facts.items() if page.copy and page.is_parsed_by_itself
        }
        huge = [i for i, page in facts.items() if _has_huge_image(page)]
        usual = [i for i in facts if i not in huge]
        layers: dict[int, LayerPage] = {}
        for group, with_images in ((usual, True), (huge, False)):
            shared = [index for index in group if index not in copied]
            if shared:
                own = {index: turn for index, turn in turns.items() if index in shared}
                layers |= text_layer.parse(self._path, shared, with_images=with_images, turns=own)
        for index, copy in copied.items():
            own = {0: turns[index]} if index in turns else {}
            parsed = text_layer.parse(copy, [0], with_images=index not in huge, turns=own)
            layers[index] = parsed.get(0, _NOTHING)
        return layers

    def _page(self, index: int, facts: PageFacts | None, layer: LayerPage) -> Page:
        number = index + 1
        if facts is None:
            return Page(index, "", warnings=(conversion_warnings.unreadable_page(number),))
        text, warnings = self._text(index, facts, layer)
        needs_reading = self._needs_reading(index, facts, layer)
        if needs_reading:
            text, warnings = self._read(index, facts, text, warnings)
        text = reading.with_added(text, facts)
        if not needs_reading and not text.strip() and not facts.fields:
            warnings = (conversion_warnings.blank_page(number),)
        scan_share = SCAN_SHARE if needs_reading else PAGE_IMAGE_SHARE
        body = self._with_images(number, facts, layer, text, scan_share if text.strip() else 2.0)
        body = markdown.blocks([body, forms.listed(facts.fields)])
        if _has_huge_image(facts):
            warnings += (conversion_warnings.image_left_out(number),)
        files = [name for name in facts.annotations.files if name not in self._file.attachments[1]]
        if files:
            warnings += (conversion_warnings.attachments_left_out(len(files), files, number),)
        if facts.copy:
            facts.copy.unlink(missing_ok=True)
        return Page(index, body, facts.width, facts.height, None, self._images.take(), warnings)

    def _with_rest(self, page: Page, *, first: bool) -> Page:
        """Add what the document holds beside its pages: an XML form's values, attached files."""
        if not first:
            return page
        body, warnings = page.markdown, page.warnings
        if self._file.is_xml_form:
            body = markdown.blocks([body, self._file.xml_form()])
            warnings += (conversion_warnings.xml_form(),)
        count, names = self._file.attachments
        if count:
            warnings += (conversion_warnings.attachments_left_out(count, names),)
        return replace(page, markdown=body, warnings=warnings)

    def _text(
        self, index: int, facts: PageFacts, layer: LayerPage
    ) -> tuple[str, tuple[ConversionWarning, ...]]:
        """Return the better reading of the text layer; parts without characters are recognised."""
        read = reading.read(index + 1, facts, layer, lambda: self._file.lines(index, facts))
        if not read.unreadable:
            return read.markdown, read.warnings
        _refuse_if_unrenderable(index, facts)
        return self._with_recognized_parts(index, facts, read)

    def _with_recognized_parts(
        self, index: int, facts: PageFacts, read: Reading
    ) -> tuple[str, tuple[ConversionWarning, ...]]:
        image = self._file.render(index)
        text, unread = read.markdown, len(read.unreadable) - PARTS_READ
        for part in read.unreadable[:PARTS_READ]:
            if part.box is None or facts.text_turns:
                unread = max(unread, 0) + 1
                continue
            shown = _cut(image, part.box, facts)
            if min(shown.shape[:2]) < CUT_MIN_PIXELS:  # outside of the page
                unread = max(unread, 0) + 1
                continue
            recognized = self._reader.read(shown, index + 1)
            if recognized.text.confidence >= TRUSTED_CONFIDENCE and part.text in text:
                text = text.replace(part.start + part.text, recognized.markdown, 1)
            else:
                unread = max(unread, 0) + 1
        doubt = (conversion_warnings.unreadable_text_layer(index + 1),) if unread > 0 else ()
        return text, read.warnings + doubt

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

    def _read(
        self, index: int, facts: PageFacts, text: str, warnings: tuple[ConversionWarning, ...]
    ) -> tuple[str, tuple[ConversionWarning, ...]]:
        """Recognise the rendered page; keep the text layer if it holds more."""
        _refuse_if_unrenderable(index, facts)
        recognized = self._reader.read(self._file.render(index), index + 1)
        if not fidelity.visible_characters(facts.text) or _is_better(recognized, facts):
            return recognized.markdown, recognized.warnings
        if fidelity.is_garbled(facts.text):
            warnings += (conversion_warnings.unreadable_text_layer(index + 1),)
        return text, warnings

    def _with_images(
        self, number: int, facts: PageFacts, layer: LayerPage, text: str, scan_share: float
    ) -> str:
        """Write the images and refer to them in the text; images of the whole page are left out."""
        names: dict[str, str | None] = {}
        for count, (key, picture) in enumerate(layer.pictures.items(), start=1):
            left, top, right, bottom = picture.bbox
            share = (right - left) * (bottom - top) / max(facts.width * facts.height, 1)
            if share < scan_share and picture.content:
                stem = f"page-{number}-image-{count}"
                names[key] = self._images.add(stem, picture.content, picture.bbox)
        named = text_layer.with_image_names(text, names)
        missing = [name for name in dict.fromkeys(names.values()) if name and name not in named]
        return markdown.blocks([named, *(markdown.image(name) for name in missing)])


def _cut(image: Image, box: Box, facts: PageFacts) -> Image:
    """Return the part of a rendered page inside a box in points, with a margin."""
    height, width = image.shape[:2]
    left, top, right, bottom = box
    across, down = width / max(facts.width, 1), height / max(facts.height, 1)
    rows = slice(
        max(int((top - CUT_MARGIN) * down), 0), max(int((bottom + CUT_MARGIN) * down) + 1, 0)
    )
    columns = slice(
        max(int((left - CUT_MARGIN) * across), 0), max(int((right + CUT_MARGIN) * across) + 1, 0)
    )
    return image[rows, columns]


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
