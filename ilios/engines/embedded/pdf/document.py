"""PDF files: decides for each page between its text layer and text recognition."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from ilios.engines import conversion_warnings, document_errors
from ilios.engines.base import ConversionWarning, Page, Source
from ilios.engines.embedded import limits, markdown
from ilios.engines.embedded.image_files import ImageFolder
from ilios.engines.embedded.ocr.page_reader import PageReader, RecognizedPage, is_blank
from ilios.engines.embedded.pdf import fidelity, rtl, text_layer
from ilios.engines.embedded.pdf.pdfium import PageFacts, PdfFile
from ilios.engines.embedded.pdf.text_layer import LayerPage

SPARSE_CHARACTERS: Final = 200
"""A stamp, a page number or a file name on a scan is shorter than this."""
SCAN_SHARE: Final = 0.5
"""An image that covers at least this share of a page with sparse text is a scan."""
PAGE_IMAGE_SHARE: Final = 0.8
TRUSTED_CONFIDENCE: Final = 0.85
"""A text layer is replaced only by text recognised with at least this confidence."""
PREVIEW_DPI: Final = 40
_NOTHING = LayerPage("", {}, ())


def open_document(source: Source, workspace: Path, threads: int) -> PdfDocument:
    return PdfDocument(source.path, workspace, threads)


class PdfDocument:
    """A PDF, converted in ranges of pages so that memory does not grow with its length."""

    def __init__(self, path: Path, workspace: Path, threads: int) -> None:
        self._file = PdfFile(path)
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
        for start in range(0, len(indexes), limits.PDF_PAGES_AT_ONCE):
            part = indexes[start : start + limits.PDF_PAGES_AT_ONCE]
            facts = {index: self._file.facts(index) for index in part}
            layers = self._layers(facts)
            for index in part:
                yield self._page(index, facts[index], layers.pop(index, _NOTHING))

    def _layers(self, facts: dict[int, PageFacts]) -> dict[int, LayerPage]:
        """Parse pages together; those with an image beyond the limit separately, without images."""
        turns = {index: page.text_turns for index, page in facts.items() if page.text_turns}
        huge = [i for i, page in facts.items() if _has_huge_image(page)]
        usual = [i for i in facts if i not in huge]
        layers: dict[int, LayerPage] = {}
        for group, with_images in ((usual, True), (huge, False)):
            if group:
                own = {index: turn for index, turn in turns.items() if index in group}
                layers |= text_layer.parse(self._path, group, with_images=with_images, turns=own)
        return layers

    def _page(self, index: int, facts: PageFacts, layer: LayerPage) -> Page:
        number = index + 1
        text, warnings = _best_of_layer(number, facts, layer)
        needs_reading = self._needs_reading(index, facts)
        if needs_reading:
            text, warnings = self._read(index, facts, text, warnings)
        elif not text.strip():
            warnings = (conversion_warnings.blank_page(number),)
        scan_share = SCAN_SHARE if needs_reading else PAGE_IMAGE_SHARE
        body = self._with_images(number, facts, layer, text, scan_share if text.strip() else 2.0)
        body = markdown.blocks([body, _form(layer.fields, body)])
        if _has_huge_image(facts):
            warnings += (conversion_warnings.image_left_out(number),)
        return Page(index, body, facts.width, facts.height, None, self._images.take(), warnings)

    def _needs_reading(self, index: int, facts: PageFacts) -> bool:
        characters = fidelity.visible_characters(facts.text)
        if fidelity.is_garbled(facts.text):
            return True
        if characters >= SPARSE_CHARACTERS:
            return False
        if facts.image_share >= SCAN_SHARE:
            return True
        return not characters and not self._is_blank(index, facts)

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


def _best_of_layer(
    number: int, facts: PageFacts, layer: LayerPage
) -> tuple[str, tuple[ConversionWarning, ...]]:
    """Return the Markdown of the text layer, or PDFium's plain text if the Markdown lost words."""
    kept = fidelity.kept_share(layer.markdown, facts.text)
    # liteparse cuts right-to-left lines into pieces and shuffles them
    shuffled = rtl.is_rtl(facts.text) and not fidelity.keeps_order(
        layer.markdown, facts.text, rtl.has_rtl
    )
    if (kept >= fidelity.KEPT_ENOUGH and not shuffled) or fidelity.is_garbled(facts.text):
        return layer.markdown, ()
    plain = _plain_paragraphs(facts.text)
    return plain, (conversion_warnings.layout_lost(number),)


def _plain_paragraphs(text: str) -> str:
    lines = (markdown.escaped_line(line.strip()) for line in text.split("\n"))
    return markdown.HARD_BREAK.join(line for line in lines if line)


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


def _form(fields: Sequence[tuple[str, str]], body: str) -> str:
    """List filled-in form fields that the page's text does not show already."""
    known = fidelity.tokens(body)
    missing = [(n, v) for n, v in fields if v == "☒" or not fidelity.tokens(v) <= known]
    return markdown.blocks(
        markdown.list_item(0, "-", f"{markdown.escaped(name)}: {markdown.escaped(value)}")
        for name, value in missing
    )
