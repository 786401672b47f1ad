"""What a page shows beyond its own text, and what it does not show of it.

Annotations with an appearance (typed-in text, stamps) stand on the page without being part of it;
content of layers that are switched off is part of it without being shown. Pages with either are
copied as they are shown.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from ilios.engines.embedded.pdf.page_annotations import (
    NONE,
    WITHOUT_DRAWN_TEXT,
    Annotations,
    is_box_to_tick,
)

MAX_OBJECTS: Final = 200_000
MAX_FORMS_RENDERED: Final = 20
PARTS_LOOKED_AT: Final = 200
PROBES_MAX: Final = 500
"""Layers of a page that are drawn to see whether they are shown, and objects in hidden ones."""
_PROBE_SIDE: Final = 400
_PAPER: Final = 0xFF5A3C78  # no colour that a page is likely to be drawn in


@dataclass(frozen=True, slots=True)
class Differences:
    """How the shown page differs from its content."""

    hidden: tuple[int, ...] = ()  #: indexes of objects in layers that are switched off
    mixed: tuple[tuple[int, tuple[int, ...]], ...] = ()
    """Forms that hold such objects and others: their index, and the places of those objects."""
    annotations: Annotations = NONE

    @property
    def hides(self) -> bool:
        return bool(self.hidden or self.mixed)

    def __bool__(self) -> bool:
        return self.hides or self.annotations.draw_text


def differences(page: Any, annotations: Annotations, *, layers: bool) -> Differences:
    """Compare a page with what it shows; `layers` tells whether it may have any."""
    hidden, mixed = _hidden(page) if layers else ((), ())
    return Differences(hidden, mixed, annotations)


def copy_as_shown(
    pdf: Any, index: int, seen: Differences, target: Path, *, with_fields: bool
) -> None:
    """Write a PDF with one page: its annotations drawn into it, what is hidden taken away."""
    copy = pdfium.PdfDocument.new()
    try:
        copy.import_pages(pdf, [index])
        page = copy[0]
        try:
            _remove_objects(page, seen)
            _remove_others(page, with_fields=with_fields)
            pdfium_c.FPDFPage_Flatten(page.raw, pdfium_c.FLAT_NORMALDISPLAY)
        finally:
            page.close()
        copy.save(target)
    finally:
        copy.close()


def _remove_objects(page: Any, seen: Differences) -> None:
    mixed = [(pdfium_c.FPDFPage_GetObject(page.raw, index), parts) for index, parts in seen.mixed]
    objects = [pdfium_c.FPDFPage_GetObject(page.raw, index) for index in seen.hidden]
    for form, hidden in mixed:
        _take_apart(page, form, hidden)
        objects.append(form)
    for item in objects:
        if item and pdfium_c.FPDFPage_RemoveObject(page.raw, item):
            pdfium_c.FPDFPageObj_Destroy(item)
    if objects:
        pdfium_c.FPDFPage_GenerateContent(page.raw)


def _take_apart(page: Any, form: Any, hidden: Sequence[int]) -> None:
    """Put the objects of a form that are shown onto the page, in place of the form."""
    matrix = pdfium_c.FS_MATRIX()
    pdfium_c.FPDFPageObj_GetMatrix(form, matrix)
    for place, part in enumerate(list(_parts(form))):
        if not pdfium_c.FPDFFormObj_RemoveObject(form, part):
            continue
        if place in hidden:
            pdfium_c.FPDFPageObj_Destroy(part)
        else:
            pdfium_c.FPDFPageObj_TransformF(part, matrix)
            pdfium_c.FPDFPage_InsertObject(page.raw, part)


def _remove_others(page: Any, *, with_fields: bool) -> None:
    """Remove annotations that are drawn, but not as text, and perhaps fields."""
    for index in reversed(range(pdfium_c.FPDFPage_GetAnnotCount(page.raw))):
        annotation = pdfium_c.FPDFPage_GetAnnot(page.raw, index)
        is_unwanted = _is_unwanted(annotation, with_fields=with_fields)
        pdfium_c.FPDFPage_CloseAnnot(annotation)
        if is_unwanted:
            pdfium_c.FPDFPage_RemoveAnnot(page.raw, index)


def _is_unwanted(annotation: Any, *, with_fields: bool) -> bool:
    kind = pdfium_c.FPDFAnnot_GetSubtype(annotation)
    if kind == pdfium_c.FPDF_ANNOT_WIDGET:
        return not with_fields or is_box_to_tick(annotation)
    return kind in WITHOUT_DRAWN_TEXT and kind != pdfium_c.FPDF_ANNOT_LINK


def _hidden(page: Any) -> tuple[tuple[int, ...], tuple[tuple[int, tuple[int, ...]], ...]]:
    """Return what PDFium does not draw because its layer is switched off: objects, form parts."""
    marked: dict[int, list[Any]] = {}
    forms: list[int] = []
    for index, item in _objects(page):
        marks = _layer_marks(item)
        if marks:
            marked[index] = marks
        if pdfium_c.FPDFPageObj_GetType(item) == pdfium_c.FPDF_PAGEOBJ_FORM:
            forms.append(index)
    hidden = set(_in_hidden_layers(page, marked)) if marked else set()
    shown = [index for index in _with_text(page, forms) if index not in hidden]
    hidden |= {index for index in shown if index not in marked and not _leaves_ink(page, index)}
    parts = ((index, _hidden_parts(page, index)) for index in shown if index not in hidden)
    return tuple(sorted(hidden)), tuple((index, places) for index, places in parts if places)


def _hidden_parts(page: Any, index: int) -> tuple[int, ...]:
    form = pdfium_c.FPDFPage_GetObject(page.raw, index)
    marks = {place: _layer_marks(part) for place, part in enumerate(_parts(form))}
    marked = {place: found for place, found in marks.items() if found}
    return tuple(_in_hidden_layers(page, marked)) if marked else ()


def _parts(form: Any) -> Iterator[Any]:
    for number in range(min(pdfium_c.FPDFFormObj_CountObjects(form), MAX_OBJECTS)):
        yield pdfium_c.FPDFFormObj_GetObject(form, number)


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
                    by_name[name] = len(by_name) >= PROBES_MAX or _is_shown(page, mark)
        # one name may stand for several layers: what seems hidden is tried, unless much does
        hidden = [
            index
            for index, marks in marked.items()
            if not all(by_name[_layer_name(mark)] for mark in marks)
        ]
        sure = hidden[PROBES_MAX:]
        tried = (index for index in hidden[:PROBES_MAX] if not _are_shown(page, marked[index]))
        return [*tried, *sure]


@contextmanager
def _switched_off(items: list[Any]) -> Iterator[None]:
    for item in items:
        pdfium_c.FPDFPageObj_SetIsActive(item, False)
    try:
        yield
    finally:
        for item in items:
            pdfium_c.FPDFPageObj_SetIsActive(item, True)


def _are_shown(page: Any, marks: Sequence[Any]) -> bool:
    return all(_is_shown(page, mark) for mark in marks)


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
        if any(_is_visible_text(part) for part in islice(_parts(form), PARTS_LOOKED_AT)):
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
        pixels = _drawn(page, _PROBE_SIDE)
    return pixels != _PAPER.to_bytes(4, "little") * (len(pixels) // 4)


def _drawn(page: Any, side: int) -> bytes:
    bitmap = pdfium_c.FPDFBitmap_Create(side, side, 0)
    try:
        pdfium_c.FPDFBitmap_FillRect(bitmap, 0, 0, side, side, _PAPER)
        pdfium_c.FPDF_RenderPageBitmap(bitmap, page.raw, 0, 0, side, side, 0, 0)
        size = pdfium_c.FPDFBitmap_GetStride(bitmap) * side
        return ctypes.string_at(pdfium_c.FPDFBitmap_GetBuffer(bitmap), size)
    finally:
        pdfium_c.FPDFBitmap_Destroy(bitmap)
