"""Filled-in fields of a PDF's pages (AcroForm)."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterable
from typing import Any, Final

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from ilios.engines.embedded import markdown
from ilios.engines.embedded.pdf import page_annotations
from ilios.engines.embedded.pdf.page_annotations import PlacedText

Field = tuple[str, str]
"""A field's name, as people are shown it if there is such a one, and its value."""

MAX_FIELDS: Final = 10_000
PAGES_LOOKED_AT: Final = 20
VALUE_MAX_BYTES: Final = 256 * 1024
CHECKED: Final = "☒"
_BUTTONS: Final = frozenset({pdfium_c.FPDF_FORMFIELD_CHECKBOX, pdfium_c.FPDF_FORMFIELD_RADIOBUTTON})
_LISTS: Final = frozenset({pdfium_c.FPDF_FORMFIELD_COMBOBOX, pdfium_c.FPDF_FORMFIELD_LISTBOX})
_NOT_SHOWN: Final = pdfium_c.FPDF_ANNOT_FLAG_HIDDEN | pdfium_c.FPDF_ANNOT_FLAG_NOVIEW
_PASSWORD: Final = 1 << 13


def filled(form: Any, page: Any, text: PlacedText) -> tuple[Field, ...]:
    """Return the filled-in fields of a page, except values that stand in their field as text."""
    found: dict[tuple[str, str], Field] = {}
    for annotation in page_annotations.opened(page, MAX_FIELDS):
        if pdfium_c.FPDFAnnot_GetSubtype(annotation) == pdfium_c.FPDF_ANNOT_WIDGET:
            value = _value(form, annotation)
            if value and not text.has(value, annotation):
                name = _string(pdfium_c.FPDFAnnot_GetFormFieldName, form, annotation)
                found[name, value] = _label(form, annotation) or name or "field", value
    return tuple(found.values())


def is_without_fields(pdf: Any) -> bool:
    """Return whether the first pages have no field."""
    for index in range(min(len(pdf), PAGES_LOOKED_AT)):
        try:
            page = pdf[index]
        except pdfium.PdfiumError:
            continue
        kinds = set(map(pdfium_c.FPDFAnnot_GetSubtype, page_annotations.opened(page)))
        page.close()
        if pdfium_c.FPDF_ANNOT_WIDGET in kinds:
            return False
    return True


def listed(fields: Iterable[Field]) -> str:
    """Write fields as a list of names and values."""
    return markdown.blocks(
        markdown.list_item(
            0, "-", markdown.escaped_start(f"{markdown.escaped(name)}: {_in_item(value)}")
        )
        for name, value in fields
    )


def _in_item(value: str) -> str:
    lines = [markdown.escaped(line.strip()) for line in value.splitlines() if line.strip()]
    return markdown.HARD_BREAK.join([*lines[:1], *map(markdown.escaped_start, lines[1:])])


def _label(form: Any, annotation: Any) -> str:
    return _string(pdfium_c.FPDFAnnot_GetFormFieldAlternateName, form, annotation)


def _value(form: Any, annotation: Any) -> str:
    if pdfium_c.FPDFAnnot_GetFlags(annotation) & _NOT_SHOWN:
        return ""
    kind = pdfium_c.FPDFAnnot_GetFormFieldType(form, annotation)
    if kind in _BUTTONS:
        return _button(form, annotation, kind)
    if kind in _LISTS:
        chosen = _chosen(form, annotation)
        if chosen:
            return ", ".join(chosen)
    elif kind != pdfium_c.FPDF_FORMFIELD_TEXTFIELD:
        return ""
    value = _string(pdfium_c.FPDFAnnot_GetFormFieldValue, form, annotation)
    is_secret = pdfium_c.FPDFAnnot_GetFormFieldFlags(form, annotation) & _PASSWORD
    return "•" * len(value) if is_secret else value


def _button(form: Any, annotation: Any, kind: int) -> str:
    """Return a sign for a ticked box, the name of a chosen radio button."""
    if not pdfium_c.FPDFAnnot_IsChecked(form, annotation):
        return ""
    if kind == pdfium_c.FPDF_FORMFIELD_CHECKBOX:
        return CHECKED
    name = _string(pdfium_c.FPDFAnnot_GetFormFieldExportValue, form, annotation)
    return name if name not in ("", "Off") else CHECKED


def _chosen(form: Any, annotation: Any) -> list[str]:
    count = min(pdfium_c.FPDFAnnot_GetOptionCount(form, annotation), MAX_FIELDS)
    return [
        _string(pdfium_c.FPDFAnnot_GetOptionLabel, form, annotation, index)
        for index in range(count)
        if pdfium_c.FPDFAnnot_IsOptionSelected(form, annotation, index)
    ]


def _string(getter: Callable[..., int], *arguments: Any) -> str:
    size = getter(*arguments, None, 0)
    if not 2 < size <= VALUE_MAX_BYTES:
        return ""
    buffer = ctypes.create_string_buffer(size)
    getter(*arguments, ctypes.cast(buffer, ctypes.POINTER(pdfium_c.FPDF_WCHAR)), size)
    return buffer.raw[: size - 2].decode("utf-16-le", "replace").strip()
