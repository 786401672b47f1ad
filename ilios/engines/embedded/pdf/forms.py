"""Values of a PDF's forms: fields of a page (AcroForm), and forms described by XML (XFA)."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from typing import Any, Final

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c
from lxml import etree

from ilios.engines.embedded import markdown
from ilios.engines.embedded.archive import child, local_name, xml_parser
from ilios.engines.embedded.pdf import page_annotations

Field = tuple[str, str]
"""A field's name, as people are shown it if there is such a one, and its value."""

MAX_FIELDS: Final = 10_000
PAGES_LOOKED_AT: Final = 20
VALUE_MAX_BYTES: Final = 256 * 1024
XFA_MAX_BYTES: Final = 16 * 1024 * 1024
CHECKED: Final = "☒"
_BUTTONS: Final = frozenset({pdfium_c.FPDF_FORMFIELD_CHECKBOX, pdfium_c.FPDF_FORMFIELD_RADIOBUTTON})
_LISTS: Final = frozenset({pdfium_c.FPDF_FORMFIELD_COMBOBOX, pdfium_c.FPDF_FORMFIELD_LISTBOX})
_NOT_SHOWN: Final = pdfium_c.FPDF_ANNOT_FLAG_HIDDEN | pdfium_c.FPDF_ANNOT_FLAG_NOVIEW
_PASSWORD: Final = 1 << 13
_UNSEEN = ("hidden", "invisible", "inactive")


def filled(form: Any, page: Any, text_page: Any) -> tuple[Field, ...]:
    """Return the filled-in fields of a page, except values that stand in their field as text."""
    found: dict[tuple[str, str], Field] = {}
    for annotation in page_annotations.opened(page, MAX_FIELDS):
        if pdfium_c.FPDFAnnot_GetSubtype(annotation) == pdfium_c.FPDF_ANNOT_WIDGET:
            value = _value(form, annotation)
            if value and not page_annotations.stands_there(annotation, text_page, value):
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


def listed(fields: tuple[Field, ...]) -> str:
    """Write fields as a list of names and values."""
    return markdown.blocks(
        markdown.list_item(0, "-", f"{markdown.escaped(name)}: {_in_item(value)}")
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


def described_by_xml(pdf: Any) -> str:
    """Return the texts and values of an XFA form as Markdown; empty if they cannot be read."""
    trees = [tree for tree in map(_parsed, _packets(pdf)) if tree is not None]
    values = [value for tree in trees for value in _values(tree)]
    parts = [part for tree in trees for part in _template(tree, values)]
    return markdown.blocks([*parts, listed(tuple(values))])


def _packets(pdf: Any) -> Iterator[bytes]:
    left = XFA_MAX_BYTES
    for index in range(min(pdfium_c.FPDF_GetXFAPacketCount(pdf.raw), 100)):
        size = ctypes.c_ulong()
        pdfium_c.FPDF_GetXFAPacketContent(pdf.raw, index, None, 0, size)
        left -= size.value
        if left < 0:
            return
        buffer = ctypes.create_string_buffer(size.value)
        pdfium_c.FPDF_GetXFAPacketContent(pdf.raw, index, buffer, size.value, size)
        yield buffer.raw[: size.value]


def _parsed(packet: bytes) -> etree._Element | None:
    try:
        return etree.fromstring(packet, xml_parser())
    except etree.XMLSyntaxError:  # such as the first and the last packet, which are half a tag
        return None


def _values(tree: etree._Element) -> Iterator[Field]:
    """Yield the filled-in leaves of the data sets."""
    for data in tree.iter("{http://www.xfa.org/schema/xfa-data/1.0/}data"):
        for element in data.iter():
            text = (element.text or "").strip()
            if local_name(element) and text and not len(element):
                yield local_name(element), text


def _template(tree: etree._Element, values: list[Field]) -> Iterator[str]:
    """Yield what the form shows, in its order; values that it shows are taken from `values`."""
    for element in tree.iter():
        if local_name(element) not in ("draw", "field") or _is_unseen(element):
            continue
        text = _text(element, "value")
        if local_name(element) == "draw":
            yield markdown.escaped_line(text)
            continue
        name = element.get("name", "")
        label = _text(element, "caption") or name
        value = next((value for key, value in values if key == name), text)
        if (name, value) in values:
            values.remove((name, value))
        if label and value:
            yield listed(((label, value),))


def _is_unseen(element: Any) -> bool:
    parents = (element, *element.iterancestors())
    return any(parent.get("presence") in _UNSEEN for parent in parents)


def _text(element: etree._Element, name: str) -> str:
    found = child(element, name)
    return " ".join("".join(map(str, found.itertext())).split()) if found is not None else ""
