"""Whether bytes are text, and in which language that text is written (HTML, XML, JSON …)."""

from __future__ import annotations

import codecs
import re
from enum import Enum, auto

_BOMS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_BINARY = re.compile("[\x00-\x07\x0e-\x19\x1c-\x1f]")  # controls that no text has
_PREAMBLE = re.compile(r"(?:\s++|<!--.*?-->|<\?.*?\?>)*+", re.DOTALL)
_HTML_PAGE = re.compile(r"<(?:!doctype\s+html|html)\b", re.IGNORECASE)
_HTML_PIECE = re.compile(
    r"<(?:head|body|title|meta|link|style|script|main|article|section|div|h[1-6]|p|table|ul|ol|a)"
    r"[\s/>]",
    re.IGNORECASE,
)
_SVG = re.compile(r"<(?:!doctype\s+)?(?:svg:)?svg\b", re.IGNORECASE)
_XML_ROOT = re.compile(r"<([A-Za-z_][\w.:-]*)[\s/>]")
_FLAT_ODT = re.compile(
    r"<(?:[\w.-]{1,40}:)?document\b[^>]*?\bmimetype\s*=\s*[\"']"
    r"application/vnd\.oasis\.opendocument\.text(?:-template|-master|-web)?[\"']"
)
_JSON = re.compile(
    r"""\s*+(?:
        (?:\{|\[\s*\{) \s* "(?:[^"\\]|\\.)*+" \s* :   # an object, or a list of them
        | \[ \s* "(?:[^"\\]|\\.)*+" \s* ,             # a list of strings, but no [link] of Markdown
    )""",
    re.VERBOSE | re.DOTALL,
)


class Form(Enum):
    """The language of a text, as far as its beginning and its end show."""

    HTML_PAGE = auto()
    HTML_PIECE = auto()  #: begins with a tag of HTML, as Markdown may as well
    FLAT_ODT = auto()  #: an OpenDocument text in one XML file
    SVG = auto()
    XML = auto()
    JSON = auto()
    POSTSCRIPT = auto()
    FREE = auto()  #: anything else


def decoded(head: bytes, tail: bytes, *, whole: bool) -> str | None:
    """Decode the head of a file as text; None when it is binary.

    Tries UTF-8, UTF-16 with a byte order mark, then Windows-1252. `whole` says that the head is the
    whole file, so that it must not end inside a character.
    """
    marked = next((encoding for bom, encoding in _BOMS.items() if head.startswith(bom)), None)
    if marked != "utf-16" and _BINARY.search(tail.decode("latin-1")):
        return None
    for encoding in (marked,) if marked else ("utf-8", "cp1252"):
        try:
            text = codecs.getincrementaldecoder(encoding)().decode(head, final=whole)
        except UnicodeDecodeError:
            continue
        return None if _BINARY.search(text) else text
    return None


def form(text: str, tail: bytes) -> Form:
    """Determine the form of a text from its first characters and its last bytes."""
    preamble = _PREAMBLE.match(text)
    body = text[preamble.end() :] if preamble else text
    if _HTML_PAGE.match(body):
        return Form.HTML_PAGE
    if _SVG.match(body):
        return Form.SVG
    if _FLAT_ODT.match(body):
        return Form.FLAT_ODT
    if text.lstrip().startswith("<?xml") or _is_whole_xml(body, tail):
        return Form.XML
    if _HTML_PIECE.match(body):
        return Form.HTML_PIECE
    if _JSON.match(text):
        return Form.JSON
    return Form.POSTSCRIPT if text.startswith("%!PS") else Form.FREE


def _is_whole_xml(body: str, tail: bytes) -> bool:
    root = _XML_ROOT.match(body)
    if root is None or _HTML_PIECE.match(body):
        return False
    return tail.rstrip().endswith(f"</{root[1]}>".encode())
