"""PDF pages through PDFium: plain text, sizes of images, rendering."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from ilios.engines import document_errors, machine_errors, parser_memory, pdf_info
from ilios.engines.base import DocumentInfo
from ilios.engines.embedded import limits
from ilios.engines.embedded.ocr.detection import Image
from ilios.engines.embedded.pdf import (
    attachments,
    catalog,
    forms,
    lines,
    outline,
    page_annotations,
    page_images,
    raised,
    rtl,
    visible,
    xml_forms,
)
from ilios.engines.embedded.pdf.forms import Field
from ilios.engines.embedded.pdf.lines import TextLine
from ilios.engines.embedded.pdf.page_annotations import Annotations, PlacedText
from ilios.engines.embedded.pdf.raised import Figures
from ilios.engines.page_structure import Box
from ilios.engines.pdf_opening import UnreadablePdf, open_as_spelled

ANGLE_SAMPLE_CHARACTERS: Final = 400
ANGLES_LOOKED_AT: Final = 100
SIZE_STEP: Final = 8
TURNED_SHARE: Final = 0.6
RENDER_MAX_SIDE_PIXELS: Final = 6_000
KEPT_MAX_CHARACTERS: Final = 20_000
"""Pages with more text are not kept open until their lines are asked for."""
_LAYERS: Final = b"/OCProperties"
_PORTFOLIO: Final = b"/Collection"


class UnreadablePage(Exception):
    """PDFium cannot load a page; others of the document may be sound."""


@dataclass(frozen=True, slots=True)
class PageFacts:
    """Facts about a page, from PDFium. Sizes in points, as the page is shown."""

    width: float
    height: float
    text: str
    text_turns: int  #: quarter turns, clockwise, by which most of the text is rotated as shown
    image_share: float  #: part of the page that its largest image covers, 0 to 1
    largest_image_pixels: int
    is_vertical: bool = False  #: whether `text` is the columns of a vertically written page
    figures: tuple[Figures, ...] = ()
    fields: tuple[Field, ...] = ()
    annotations: Annotations = page_annotations.NONE
    own_text: str = ""  #: `text` without what annotations draw
    copy: Path | None = None  #: the page as a document of its own, where it shows something else
    is_parsed_by_itself: bool = False  #: whether the copy is parsed instead of the document

    @property
    def box(self) -> Box:
        return 0.0, 0.0, self.width, self.height

    @property
    def upright_width(self) -> float:
        """The width of the page once its text is turned upright, as it is read."""
        return self.height if self.text_turns % 2 else self.width

    def shown(self, box: Box) -> Box:
        """Return where the page shows a box of it as it is read."""
        left, top, right, bottom = box
        match self.text_turns % 4:
            case 1:
                return self.width - bottom, left, self.width - top, right
            case 2:
                return (
                    self.width - right,
                    self.height - bottom,
                    self.width - left,
                    self.height - top,
                )
            case 3:
                return top, self.height - right, bottom, self.height - left
        return box


class PdfFile:
    """An opened PDF. Raises EncryptedDocument, WrongPassword, CorruptDocument if it cannot be."""

    def __init__(self, path: Path, workspace: Path, password: str | None = None) -> None:
        self._workspace = workspace
        try:
            self._pdf, self.password = open_as_spelled(path, password)
        except UnreadablePdf as error:
            raise document_errors.corrupt("PDF") from error
        self.page_count: int = len(self._pdf)
        if not self.page_count:
            raise document_errors.empty("PDF")
        kind = self._pdf.get_formtype()
        self.is_xml_form = kind == pdfium_c.FORMTYPE_XFA_FULL or (
            kind == pdfium_c.FORMTYPE_XFA_FOREGROUND and forms.is_without_fields(self._pdf)
        )
        self._with_forms = kind in (pdfium_c.FORMTYPE_ACRO_FORM, pdfium_c.FORMTYPE_XFA_FOREGROUND)
        if self._with_forms:
            self._pdf.init_forms()
        mentioned = catalog.mentions(path, _LAYERS, _PORTFOLIO)
        self._may_have_layers = _LAYERS in mentioned
        self._has_harmless_outline = outline.is_harmless(self._pdf)
        self.attachments = attachments.names(self._pdf)
        self._kept: dict[int, tuple[Any, Any, ExitStack]] = {}

    def close(self) -> None:
        for *_, opened in self._kept.values():
            opened.close()
        self._kept.clear()
        self._pdf.close()

    def info(self) -> DocumentInfo:
        return pdf_info.of_pdf(self._pdf)

    def xml_form(self) -> str:
        return xml_forms.text(self._pdf)

    def facts(self, index: int) -> PageFacts:
        """Look at a page. Raises UnreadablePage.

        A page that does not show what its file holds is copied as it is shown; delete the copy.
        """
        try:
            with ExitStack() as opened:
                page = opened.enter_context(self._page(index))
                text_page = opened.enter_context(closing(page.get_textpage()))
                facts = self._facts(page, text_page)
                layers = self._may_have_layers
                seen = visible.differences(page, facts.annotations, layers=layers)
                if not layers and 0 < len(facts.text) <= KEPT_MAX_CHARACTERS:
                    self._keep(index, page, text_page, opened.pop_all())
        except pdfium.PdfiumError as error:
            raise UnreadablePage from error
        is_shown_so = not seen and self._has_harmless_outline
        return facts if is_shown_so else self._copied(index, facts, seen)

    def lines(self, index: int, facts: PageFacts) -> list[TextLine]:
        """Return the lines of a page with their places, in PDFium's order."""
        page, text_page, kept = self._kept.pop(index, (None, None, ExitStack()))
        with kept:
            if page is None or facts.copy:
                shown = _only_page(facts.copy) if facts.copy else self._page(index)
                page = kept.enter_context(shown)
                text_page = kept.enter_context(closing(page.get_textpage()))
            return lines.text_lines(page, text_page, facts.text_turns)

    def _keep(self, index: int, page: Any, text_page: Any, opened: ExitStack) -> None:
        """Leave a page open for `lines`, until so many others have been looked at."""
        while len(self._kept) >= limits.PDF_PAGES_AT_ONCE:
            *_, oldest = self._kept.pop(next(iter(self._kept)))
            oldest.close()
        self._kept[index] = page, text_page, opened

    def render(self, index: int, dpi: int = limits.RENDER_DPI) -> Image:
        """Render a page on white (height × width × blue, green, red), within RASTER_WORK_PIXELS."""
        parser_memory.allow_images()
        with self._page(index) as page:
            scale = _scale(page.get_size(), dpi)
            bitmap = page.render(scale=scale, may_draw_forms=self._with_forms, rev_byteorder=False)
            pixels = np.array(bitmap.to_numpy()[:, :, :3])
            bitmap.close()
            return pixels

    def _copied(self, index: int, facts: PageFacts, seen: visible.Differences) -> PageFacts:
        """Return the facts of the page as it is shown, with its copy."""
        copy = self._workspace / f".page-{index + 1}.pdf"
        # what is drawn over a page would disturb its layout, so it is put in afterwards
        by_itself = seen.hides or not self._has_harmless_outline
        with_fields = by_itself or not self._with_forms
        try:
            visible.copy_as_shown(self._pdf, index, seen, copy, with_fields=with_fields)
            with _only_page(copy) as page, closing(page.get_textpage()) as text_page:
                shown = self._facts(page, text_page)
        except (pdfium.PdfiumError, OSError) as error:
            copy.unlink(missing_ok=True)
            machine_errors.raise_as_such(error)
            return facts
        return replace(
            shown,
            fields=facts.fields,
            annotations=facts.annotations,
            own_text=shown.text if seen.hides else facts.text,
            copy=copy,
            is_parsed_by_itself=by_itself,
        )

    def _facts(self, page: Any, text_page: Any) -> PageFacts:
        width, height = page.get_size()
        facts = _with_text(PageFacts(width, height, "", 0, 0.0, 0), page, text_page)
        placed = PlacedText(text_page)
        found = page_annotations.of(page, placed, with_forms=self._with_forms)
        facts = replace(facts, own_text=facts.text, annotations=found)
        if self._with_forms:
            fields = forms.filled(self._pdf.formenv.raw, page, placed)
            facts = replace(facts, fields=fields)
        pixels, share = page_images.measured(page, width * height)
        return replace(facts, image_share=share, largest_image_pixels=pixels)

    @contextmanager
    def _page(self, index: int) -> Iterator[Any]:
        page = self._pdf[index]
        try:
            yield page
        finally:
            page.close()


@contextmanager
def _only_page(path: Path) -> Iterator[Any]:
    document = pdfium.PdfDocument(path)
    try:
        page = document[0]
        try:
            yield page
        finally:
            page.close()
    finally:
        document.close()


def _scale(size: tuple[float, float], dpi: int) -> float:
    """Return pixels per point: for the wanted resolution, or less for huge pages."""
    width, height = size
    scale = dpi / 72
    by_area = float((limits.RASTER_WORK_PIXELS / max(width * height, 1)) ** 0.5)
    return min(scale, by_area, RENDER_MAX_SIDE_PIXELS / max(width, height, 1))


def _with_text(facts: PageFacts, page: Any, text_page: Any) -> PageFacts:
    raw: str = text_page.get_text_range()
    text = raw.replace("\r\n", "\n")
    turns = _turns(text_page)
    columns = lines.vertical(text_page, text)
    found = raised.figures(text_page, raw) if not turns and columns is None else ()
    if columns is not None:
        text = columns
    elif not turns and rtl.has_rtl(text):
        text = rtl.lines(text_page)
    shown = (turns + page.get_rotation() // 90) % 4  # PDFium gives angles before /Rotate
    return replace(
        facts, text=text, text_turns=shown, is_vertical=columns is not None, figures=found
    )


def _turns(text_page: Any) -> int:
    """Return the quarter turns, clockwise, at which most of the text stands."""
    count = min(text_page.count_chars(), ANGLE_SAMPLE_CHARACTERS)
    sampled = range(0, count, max(count // ANGLES_LOOKED_AT, 1))
    angles = Counter(_quarter_turns(text_page, index) for index in sampled)
    if not angles:
        return 0
    turns, characters = angles.most_common(1)[0]
    if characters < TURNED_SHARE * len(sampled):
        return 0
    return (turns + 2 * _stands_on_its_head(text_page, count)) % 4


def _stands_on_its_head(text_page: Any, count: int) -> bool:
    """Return whether most letters have a negative size, which PDFium leaves out of the angle."""
    sampled = range(0, count, SIZE_STEP)
    sizes = [pdfium_c.FPDFText_GetFontSize(text_page.raw, index) for index in sampled]
    return bool(2 * sum(size < 0 for size in sizes) > len(sizes))


def _quarter_turns(text_page: Any, index: int) -> int:
    angle = pdfium_c.FPDFText_GetCharAngle(text_page.raw, index)
    if not angle:
        return 0
    return round(_of_mirrored(text_page, index, angle) / (np.pi / 2)) % 4


def _of_mirrored(text_page: Any, index: int, angle: float) -> float:
    """Return the angle of a letter, taken from its upright axis if it is mirrored."""
    matrix = pdfium_c.FS_MATRIX()
    pdfium_c.FPDFText_GetMatrix(text_page.raw, index, matrix)
    is_mirrored = matrix.a * matrix.d - matrix.b * matrix.c < 0
    return float(np.arctan2(-matrix.c, matrix.d)) if is_mirrored else angle
