"""What people added to a page: texts typed and stamped onto it, notes, attached files."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import pypdfium2.raw as pdfium_c
from lxml import etree

from ilios.engines.embedded.archive import xml_parser
from ilios.engines.embedded.pdf import attachments, fidelity

MAX_ANNOTATIONS: Final = 20_000
LOOKED_AT_MAX_CHARACTERS: Final = 10_000_000
"""PDFium looks at each character of the page to find those inside of one annotation."""
TEXT_MAX_BYTES: Final = 1024 * 1024
_NOT_SHOWN: Final = pdfium_c.FPDF_ANNOT_FLAG_HIDDEN | pdfium_c.FPDF_ANNOT_FLAG_NOVIEW
WITHOUT_DRAWN_TEXT: Final = frozenset(
    {
        pdfium_c.FPDF_ANNOT_HIGHLIGHT,
        pdfium_c.FPDF_ANNOT_LINK,
        pdfium_c.FPDF_ANNOT_POPUP,
        pdfium_c.FPDF_ANNOT_SQUIGGLY,
        pdfium_c.FPDF_ANNOT_STRIKEOUT,
        pdfium_c.FPDF_ANNOT_TEXT,
        pdfium_c.FPDF_ANNOT_UNDERLINE,
    }
)
"""A note shows an icon, a mark only colour."""
_WITH_NOTES: Final = frozenset(
    {
        pdfium_c.FPDF_ANNOT_CARET,
        pdfium_c.FPDF_ANNOT_CIRCLE,
        pdfium_c.FPDF_ANNOT_FILEATTACHMENT,
        pdfium_c.FPDF_ANNOT_HIGHLIGHT,
        pdfium_c.FPDF_ANNOT_INK,
        pdfium_c.FPDF_ANNOT_LINE,
        pdfium_c.FPDF_ANNOT_POLYGON,
        pdfium_c.FPDF_ANNOT_POLYLINE,
        pdfium_c.FPDF_ANNOT_POPUP,
        pdfium_c.FPDF_ANNOT_REDACT,
        pdfium_c.FPDF_ANNOT_SQUARE,
        pdfium_c.FPDF_ANNOT_SQUIGGLY,
        pdfium_c.FPDF_ANNOT_STAMP,
        pdfium_c.FPDF_ANNOT_STRIKEOUT,
        pdfium_c.FPDF_ANNOT_TEXT,
        pdfium_c.FPDF_ANNOT_UNDERLINE,
    }
)
"""The contents of other kinds describe them, such as the target of a link."""
_PROGRAMS: Final = frozenset({"AutoCAD SHX Text"})
"""What programs write as the author of words that they drew as lines."""


@dataclass(frozen=True, slots=True)
class Note:
    """What somebody remarked on a page."""

    author: str
    text: str
    is_drawn: bool  #: whether the page shows text of the annotation, perhaps this one


@dataclass(frozen=True, slots=True)
class Annotations:
    """The annotations of a page that are shown, in the file's order."""

    draw_text: bool = False
    typed: tuple[str, ...] = ()  #: texts that the page shows, if their drawing can be read
    undrawn: tuple[str, ...] = ()  #: typed texts that nothing draws
    notes: tuple[Note, ...] = ()
    files: tuple[str, ...] = ()  #: names of attached files


NONE: Final = Annotations()


class PlacedText:
    """A page's own text, asked for what stands inside an annotation."""

    def __init__(self, text_page: Any) -> None:
        self._text_page = text_page
        self._looked_at = 0

    def has(self, words: str, annotation: Any) -> bool:
        """Return whether all words stand inside; False also when too much was looked at."""
        wanted = fidelity.tokens(words)
        box = pdfium_c.FS_RECTF()
        if not wanted or not pdfium_c.FPDFAnnot_GetRect(annotation, box):
            return False
        self._looked_at += self._text_page.count_chars()
        if self._looked_at > LOOKED_AT_MAX_CHARACTERS:
            return False
        inside = self._text_page.get_text_bounded(
            left=box.left, bottom=box.bottom, right=box.right, top=box.top
        )
        return wanted <= fidelity.tokens(inside)


def of(page: Any, text: PlacedText, *, with_forms: bool) -> Annotations:
    """Look at a page's annotations; `with_forms` tells whether the file has a form."""
    found: dict[str, list[str]] = {"typed": [], "undrawn": [], "files": []}
    notes: dict[str, Note] = {}
    draw_text = False
    for annotation in _shown(page):
        kind = pdfium_c.FPDFAnnot_GetSubtype(annotation)
        draws = _adds_text(annotation, kind, with_forms=with_forms)
        draw_text |= draws
        contents = _contents(annotation)
        if kind == pdfium_c.FPDF_ANNOT_FREETEXT and contents:
            found["typed" if draws else "undrawn"].append(contents)
        elif kind == pdfium_c.FPDF_ANNOT_FILEATTACHMENT:
            file = pdfium_c.FPDFAnnot_GetFileAttachment(annotation)
            found["files"].append(attachments.name(file))
        if kind in _WITH_NOTES and contents and not text.has(contents, annotation):
            notes.setdefault(contents, Note(_author(annotation), contents, draws))
    lists = {name: tuple(texts) for name, texts in found.items()}
    return Annotations(draw_text, notes=tuple(notes.values()), **lists)


def is_box_to_tick(annotation: Any) -> bool:
    """Return whether a field shows one of several drawings, which are ticks and not text."""
    return bool(pdfium_c.FPDFAnnot_HasKey(annotation, b"AS"))


def opened(page: Any, most: int = MAX_ANNOTATIONS) -> Iterator[Any]:
    """Yield each annotation; it is closed before the next one."""
    for index in range(min(pdfium_c.FPDFPage_GetAnnotCount(page.raw), most)):
        annotation = pdfium_c.FPDFPage_GetAnnot(page.raw, index)
        if annotation:
            try:
                yield annotation
            finally:
                pdfium_c.FPDFPage_CloseAnnot(annotation)


def _shown(page: Any) -> Iterator[Any]:
    """Yield what is not hidden, and answers, which are shown with what they answer."""
    for annotation in opened(page):
        is_hidden = pdfium_c.FPDFAnnot_GetFlags(annotation) & _NOT_SHOWN
        if not is_hidden or pdfium_c.FPDFAnnot_HasKey(annotation, b"IRT"):
            yield annotation


def _adds_text(annotation: Any, kind: int, *, with_forms: bool) -> bool:
    """Return whether an annotation shows text; the layout reads the fields of a form."""
    if kind in WITHOUT_DRAWN_TEXT:
        return False
    if kind != pdfium_c.FPDF_ANNOT_WIDGET:
        return _draws_text(annotation)
    return not with_forms and not is_box_to_tick(annotation) and _draws_text(annotation)


def _draws_text(annotation: Any) -> bool:
    """Return whether the appearance draws text, or another object that may."""
    mode = pdfium_c.FPDF_ANNOT_APPEARANCEMODE_NORMAL
    size = pdfium_c.FPDFAnnot_GetAP(annotation, mode, None, 0)
    if size <= 2:
        return False
    if size > TEXT_MAX_BYTES:
        return True
    buffer = ctypes.create_string_buffer(size)
    wide = ctypes.cast(buffer, ctypes.POINTER(pdfium_c.FPDF_WCHAR))
    pdfium_c.FPDFAnnot_GetAP(annotation, mode, wide, size)
    drawing = buffer.raw[::2]
    return any(operator in drawing for operator in (b"Tj", b"TJ", b"Do", b"ET"))


def _contents(annotation: Any) -> str:
    """Return an annotation's text; of one that only records a state, such as "accepted", none."""
    if pdfium_c.FPDFAnnot_HasKey(annotation, b"State"):
        return ""
    text = _string(annotation, b"Contents") or _unstyled(_string(annotation, b"RC"))
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _author(annotation: Any) -> str:
    name = " ".join(_string(annotation, b"T").split())
    return "" if name in _PROGRAMS else name


def _unstyled(rich_text: str) -> str:
    """Return the text of a small web page, in which styled text is kept."""
    if not rich_text:
        return ""
    try:
        tree = etree.fromstring(rich_text.encode(), xml_parser())
    except (etree.XMLSyntaxError, ValueError):
        return ""
    return "\n".join(part.strip() for part in map(str, tree.itertext()) if part.strip())


def _string(annotation: Any, key: bytes) -> str:
    size = pdfium_c.FPDFAnnot_GetStringValue(annotation, key, None, 0)
    if not 2 < size <= TEXT_MAX_BYTES:
        return ""
    buffer = ctypes.create_string_buffer(size)
    wide = ctypes.cast(buffer, ctypes.POINTER(pdfium_c.FPDF_WCHAR))
    pdfium_c.FPDFAnnot_GetStringValue(annotation, key, wide, size)
    return buffer.raw[: size - 2].decode("utf-16-le", "replace").strip()
