"""What a page shows beyond its own text, and what it does not show of it.

Annotations with an appearance (typed-in text, stamps) stand on the page without being part of it;
content of layers that are switched off is part of it without being shown. Pages with either are
copied as they are shown.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

MAX_ANNOTATIONS: Final = 5_000
MAX_OBJECTS: Final = 200_000
MAX_FORMS_RENDERED: Final = 20
APPEARANCE_MAX_BYTES: Final = 1024 * 1024
_NOT_SHOWN_FLAGS: Final = pdfium_c.FPDF_ANNOT_FLAG_HIDDEN | pdfium_c.FPDF_ANNOT_FLAG_NOVIEW
_WITHOUT_TEXT: Final = frozenset(
    {
        pdfium_c.FPDF_ANNOT_HIGHLIGHT,
        pdfium_c.FPDF_ANNOT_LINK,
        pdfium_c.FPDF_ANNOT_POPUP,
        pdfium_c.FPDF_ANNOT_SQUIGGLY,
        pdfium_c.FPDF_ANNOT_STRIKEOUT,
        pdfium_c.FPDF_ANNOT_TEXT,
        pdfium_c.FPDF_ANNOT_UNDERLINE,
        pdfium_c.FPDF_ANNOT_WIDGET,
    }
)
"""Form fields are listed by themselves; a note shows an icon, a mark only colour."""
_PROBE_SIDE: Final = 400
_PAPER: Final = 0xFF5A3C78  # no colour that a page is likely to be drawn in


@dataclass(frozen=True, slots=True)
class Differences:
    """How the shown page differs from its content."""

    hidden: tuple[int, ...] = ()  #: indexes of objects in layers that are switched off
    drawn_annotations: bool = False
    typed: tuple[str, ...] = ()  #: texts of the annotations that are nothing but text

    def __bool__(self) -> bool:
        return bool(self.hidden) or self.drawn_annotations


def differences(page: Any, *, layers: bool) -> Differences:
    """Compare a page with what it shows; `layers` tells whether it may have any."""
    drawn, typed = _annotations(page)
    return Differences(_hidden(page) if layers else (), drawn, tuple(typed))


def copy_as_shown(pdf: Any, index: int, seen: Differences, target: Path) -> None:
    """Write a PDF with one page: its annotations drawn into it, what is hidden taken away."""
    copy = pdfium.PdfDocument.new()
    try:
        copy.import_pages(pdf, [index])
        page = copy[0]
        try:
            _remove_objects(page, seen.hidden)
            _remove_annotations(page)
            pdfium_c.FPDFPage_Flatten(page.raw, pdfium_c.FLAT_NORMALDISPLAY)
        finally:
            page.close()
        copy.save(target)
    finally:
        copy.close()


def _remove_objects(page: Any, indexes: tuple[int, ...]) -> None:
    objects = [pdfium_c.FPDFPage_GetObject(page.raw, index) for index in indexes]
    for item in objects:
        if item and pdfium_c.FPDFPage_RemoveObject(page.raw, item):
            pdfium_c.FPDFPageObj_Destroy(item)
    if objects:
        pdfium_c.FPDFPage_GenerateContent(page.raw)


def _remove_annotations(page: Any) -> None:
    for index in reversed(range(pdfium_c.FPDFPage_GetAnnotCount(page.raw))):
        annotation = pdfium_c.FPDFPage_GetAnnot(page.raw, index)
        kind = pdfium_c.FPDFAnnot_GetSubtype(annotation)
        pdfium_c.FPDFPage_CloseAnnot(annotation)
        if kind in _WITHOUT_TEXT and kind != pdfium_c.FPDF_ANNOT_LINK:
            pdfium_c.FPDFPage_RemoveAnnot(page.raw, index)


def _annotations(page: Any) -> tuple[bool, list[str]]:
    """Return whether annotations draw text onto the page, and the texts of those that are text."""
    drawn = False
    typed: list[str] = []
    count = min(pdfium_c.FPDFPage_GetAnnotCount(page.raw), MAX_ANNOTATIONS)
    for index in range(count):
        annotation = pdfium_c.FPDFPage_GetAnnot(page.raw, index)
        if not annotation:
            continue
        kind = pdfium_c.FPDFAnnot_GetSubtype(annotation)
        if kind not in _WITHOUT_TEXT and not _is_hidden(annotation):
            drawn = drawn or _draws_text(annotation)
            if kind == pdfium_c.FPDF_ANNOT_FREETEXT:
                typed.append(_contents(annotation))
        pdfium_c.FPDFPage_CloseAnnot(annotation)
    return drawn, [text for text in typed if text]


def _is_hidden(annotation: Any) -> bool:
    return bool(pdfium_c.FPDFAnnot_GetFlags(annotation) & _NOT_SHOWN_FLAGS)


def _draws_text(annotation: Any) -> bool:
    """Return whether the appearance draws text, or another object that may."""
    mode = pdfium_c.FPDF_ANNOT_APPEARANCEMODE_NORMAL
    size = pdfium_c.FPDFAnnot_GetAP(annotation, mode, None, 0)
    if size <= 2:
        return False
    if size > APPEARANCE_MAX_BYTES:
        return True
    buffer = ctypes.create_string_buffer(size)
    wide = ctypes.cast(buffer, ctypes.POINTER(pdfium_c.FPDF_WCHAR))
    pdfium_c.FPDFAnnot_GetAP(annotation, mode, wide, size)
    drawing = buffer.raw[::2]
    return any(operator in drawing for operator in (b"Tj", b"TJ", b"Do", b"ET"))


def _contents(annotation: Any) -> str:
    size = pdfium_c.FPDFAnnot_GetStringValue(annotation, b"Contents", None, 0)
    if not 2 < size <= APPEARANCE_MAX_BYTES:
        return ""
    buffer = ctypes.create_string_buffer(size)
    wide = ctypes.cast(buffer, ctypes.POINTER(pdfium_c.FPDF_WCHAR))
    pdfium_c.FPDFAnnot_GetStringValue(annotation, b"Contents", wide, size)
    return buffer.raw[: size - 2].decode("utf-16-le", "replace").strip()


def _hidden(page: Any) -> tuple[int, ...]:
    """Return the objects that PDFium does not draw because their layer is switched off."""
    marked: dict[int, list[Any]] = {}
    forms: list[int] = []
    for index, item in _objects(page):
        marks = _layer_marks(item)
        if marks:
            marked[index] = marks
        elif pdfium_c.FPDFPageObj_GetType(item) == pdfium_c.FPDF_PAGEOBJ_FORM:
            forms.append(index)
    hidden = _in_hidden_layers(page, marked) if marked else []
    hidden += [index for index in _with_text(page, forms) if not _leaves_ink(page, index)]
    return tuple(sorted(hidden))


def _objects(page: Any) -> Iterator[tuple[int, Any]]:
    for index in range(min(pdfium_c.FPDFPage_CountObjects(page.raw), MAX_OBJECTS)):
        yield index, pdfium_c.FPDFPage_GetObject(page.raw, index)


def _layer_marks(item: Any) -> list[Any]:
    count = pdfium_c.FPDFPageObj_CountMarks(item)
    marks = [pdfium_c.FPDFPageObj_GetMark(item, number) for number in range(count)]
    return [mark for mark in marks if _mark_name(mark) == "OC"]


def _mark_name(mark: Any) -> str:
    buffer = (pdfium_c.FPDF_WCHAR * 32)()
    size = ctypes.c_ulong()
    pdfium_c.FPDFPageObjMark_GetName(mark, buffer, ctypes.sizeof(buffer), size)
    return bytes(buffer)[: size.value].decode("utf-16-le", "replace").rstrip("\0")


def _layer_name(mark: Any) -> bytes:
    buffer = (pdfium_c.FPDF_WCHAR * 128)()
    size = ctypes.c_ulong()
    pdfium_c.FPDFPageObjMark_GetParamStringValue(mark, b"Name", buffer, ctypes.sizeof(buffer), size)
    return bytes(buffer)[: size.value]


def _in_hidden_layers(page: Any, marked: dict[int, list[Any]]) -> list[int]:
    """Return the objects of `marked` that are hidden: one of each name is tried, then all of it."""
    with _switched_off([item for _, item in _objects(page)]):
        by_name: dict[bytes, bool] = {}
        for marks in marked.values():
            for mark in marks:
                name = _layer_name(mark)
                if name not in by_name:
                    by_name[name] = _is_shown(page, mark)
        return [
            index
            for index, marks in marked.items()
            if not all(by_name[_layer_name(mark)] or _is_shown(page, mark) for mark in marks)
        ]


@contextmanager
def _switched_off(items: list[Any]) -> Iterator[None]:
    for item in items:
        pdfium_c.FPDFPageObj_SetIsActive(item, False)
    try:
        yield
    finally:
        for item in items:
            pdfium_c.FPDFPageObj_SetIsActive(item, True)


def _is_shown(page: Any, mark: Any) -> bool:
    """Draw a rectangle in the layer over the whole page, and look whether it comes."""
    width, height = page.get_size()
    reach = 20 * (width + height)
    rectangle = pdfium_c.FPDFPageObj_CreateNewRect(-reach / 2, -reach / 2, reach, reach)
    pdfium_c.FPDFPageObj_SetFillColor(rectangle, 10, 200, 30, 255)
    pdfium_c.FPDFPath_SetDrawMode(rectangle, pdfium_c.FPDF_FILLMODE_ALTERNATE, 0)
    pdfium_c.FPDFPageObj_AddExistingMark(rectangle, mark)
    pdfium_c.FPDFPage_InsertObject(page.raw, rectangle)
    shown = _drawn(page, 2)[:3] == bytes((30, 200, 10))
    pdfium_c.FPDFPage_RemoveObject(page.raw, rectangle)
    pdfium_c.FPDFPageObj_Destroy(rectangle)
    return shown


def _with_text(page: Any, forms: list[int]) -> list[int]:
    """Return those forms that hold visible text, the only ones whose layer matters."""
    found = []
    for index in forms[:MAX_FORMS_RENDERED]:
        form = pdfium_c.FPDFPage_GetObject(page.raw, index)
        count = min(pdfium_c.FPDFFormObj_CountObjects(form), 200)
        parts = (pdfium_c.FPDFFormObj_GetObject(form, number) for number in range(count))
        if any(_is_visible_text(part) for part in parts):
            found.append(index)
    return found


def _is_visible_text(item: Any) -> bool:
    if pdfium_c.FPDFPageObj_GetType(item) != pdfium_c.FPDF_PAGEOBJ_TEXT:
        return False
    mode = pdfium_c.FPDFTextObj_GetTextRenderMode(item)
    return bool(mode == pdfium_c.FPDF_TEXTRENDERMODE_FILL)


def _leaves_ink(page: Any, only: int) -> bool:
    """Draw one object alone, and look whether anything comes."""
    with _switched_off([item for index, item in _objects(page) if index != only]):
        drawn = _drawn(page, _PROBE_SIDE)
    return drawn != _PAPER.to_bytes(4, "little") * (len(drawn) // 4)


def _drawn(page: Any, side: int) -> bytes:
    bitmap = pdfium_c.FPDFBitmap_Create(side, side, 0)
    try:
        pdfium_c.FPDFBitmap_FillRect(bitmap, 0, 0, side, side, _PAPER)
        pdfium_c.FPDF_RenderPageBitmap(bitmap, page.raw, 0, 0, side, side, 0, 0)
        size = pdfium_c.FPDFBitmap_GetStride(bitmap) * side
        return ctypes.string_at(pdfium_c.FPDFBitmap_GetBuffer(bitmap), size)
    finally:
        pdfium_c.FPDFBitmap_Destroy(bitmap)
