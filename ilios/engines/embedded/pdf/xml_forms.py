"""Forms that are described by XML (XFA): what they show, and the values filled into them."""

from __future__ import annotations

import ctypes
from collections import deque
from collections.abc import Iterator
from typing import Any, Final

import pypdfium2.raw as pdfium_c
from lxml import etree

from ilios.engines.embedded import markdown
from ilios.engines.embedded.archive import child, children, local_name, xml_parser
from ilios.engines.embedded.pdf.forms import CHECKED, Field, listed

XFA_MAX_BYTES: Final = 16 * 1024 * 1024
XFA_MAX_PACKETS: Final = 100
_DATA: Final = "{http://www.xfa.org/schema/xfa-data/1.0/}data"
_STYLED: Final = "{http://www.w3.org/1999/xhtml}"
_PARAGRAPHS: Final = frozenset({"p", "div", "li", "br"})
_UNSEEN: Final = ("hidden", "invisible", "inactive")


class _Values:
    """The filled-in values of a form, in order, until a field shows them."""

    def __init__(self, values: Iterator[Field]) -> None:
        self._left = dict(enumerate(values))
        self._places: dict[str, deque[int]] = {}
        for place, (name, _) in self._left.items():
            self._places.setdefault(name, deque()).append(place)

    def take(self, name: str) -> str | None:
        """Return the next value of a name; None when there is no more."""
        places = self._places.get(name)
        return self._left.pop(places.popleft())[1] if places else None

    def rest(self) -> Iterator[Field]:
        return iter(self._left.values())


def text(pdf: Any) -> str:
    """Return the texts and values of an XFA form as Markdown; empty if they cannot be read."""
    trees = [tree for tree in map(_parsed, _packets(pdf)) if tree is not None]
    values = _Values(value for tree in trees for value in _filled(tree))
    parts = [part for tree in trees for part in _shown(tree, values)]
    return markdown.blocks([*parts, listed(values.rest())])


def _packets(pdf: Any) -> Iterator[bytes]:
    left = XFA_MAX_BYTES
    for index in range(min(pdfium_c.FPDF_GetXFAPacketCount(pdf.raw), XFA_MAX_PACKETS)):
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


def _filled(tree: etree._Element) -> Iterator[Field]:
    """Yield the filled-in leaves of the data sets."""
    for data in tree.iter(_DATA):
        for element in data.iter():
            text = _flat(element) if _is_leaf(element) else ""
            if text:
                yield local_name(element), text


def _is_leaf(element: etree._Element) -> bool:
    """Return whether an element of the data holds a value, which may be styled text."""
    return not _is_styled(element) and all(map(_is_styled, element))


def _is_styled(element: etree._Element) -> bool:
    return not isinstance(element.tag, str) or element.tag.startswith(_STYLED)


def _shown(tree: etree._Element, values: _Values) -> Iterator[str]:
    """Yield what the form shows, in its order, with its values."""
    for element in tree.iter():
        if local_name(element) not in ("draw", "field") or _is_unseen(element):
            continue
        text = _text(element, "value")
        if local_name(element) == "draw":
            yield markdown.escaped_line(text)
            continue
        name = element.get("name", "")
        value = _as_shown(element, values.take(name) or text)
        label = _text(element, "caption") or name
        if label and value:
            yield listed([(label, value)])


def _is_unseen(element: Any) -> bool:
    parents = (element, *element.iterancestors())
    return any(parent.get("presence") in _UNSEEN for parent in parents)


def _as_shown(field: etree._Element, value: str) -> str:
    """Return what a field shows for a value: the label of a choice, a sign for a ticked box."""
    lists = list(children(field, "items"))
    shown = [[_flat(item) for item in items] for items in lists]
    if child(field, "ui", "checkButton") is not None:
        ticked = shown[0][0] if shown and shown[0] else "1"
        return CHECKED if value == ticked else ""
    if len(shown) < 2:
        return value
    saved, labels = shown if lists[0].get("save") else reversed(shown)
    return dict(zip(saved, labels, strict=False)).get(value, value)


def _text(element: etree._Element, name: str) -> str:
    found = child(element, name)
    return _flat(found) if found is not None else ""


def _flat(element: etree._Element) -> str:
    """Return the text of an element in one line, its paragraphs apart."""
    parts: list[str] = []
    for event, node in etree.iterwalk(element, events=("start", "end")):
        if event == "start":
            parts += [" " if local_name(node) in _PARAGRAPHS else "", node.text or ""]
        elif node is not element:
            parts.append(node.tail or "")
    return " ".join("".join(parts).split())
