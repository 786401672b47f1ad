"""Whether bytes are text, and in which language that text is written (HTML, XML, JSON …)."""

from __future__ import annotations

import codecs
import re
from enum import Enum, auto

import filetype

from ilios.core.expressions import possessive
from ilios.engines.detection import wide_text

_BINARY = re.compile("[\x00-\x07\x0e-\x19\x1c-\x1f]")  # controls that no text has
_PREAMBLE = re.compile(possessive(r"\s++|<!--.*?-->|<\?.*?\?>"), re.DOTALL)
_HTML_PAGE = re.compile(r"<(?:!doctype\s+html|html)\b", re.IGNORECASE)
_HTML_PIECE = re.compile(
    r"<(?:head|body|title|meta|link|style|script|main|article|section|div|h[1-6]|p|table|ul|ol|a)"
    r"[\s/>]",
    re.IGNORECASE,
)
_END_OF_PAGE = re.compile(rb"</(?:body|html)\s*>\s*\Z", re.IGNORECASE)
_SVG = re.compile(r"<(?:!doctype\s+)?(?:svg:)?svg\b", re.IGNORECASE)
_XML_ROOT = re.compile(r"<([A-Za-z_][\w.:-]*)[\s/>]")
_FLAT = re.compile(
    r"<(?:[\w.-]{1,40}:)?document\b[^>]*?\bmimetype\s*=\s*[\"']"
    r"application/vnd\.oasis\.opendocument\.(text|spreadsheet|presentation)"
    r"(?:-template|-master|-web)?[\"']"
)
_JSON = re.compile(
    r"""\s*+(?:
        (?:\{|\[\s*\{) \s* "(?:[^"\\]|\\.)*+" \s* :   # an object, or a list of them
        | \[ \s* "(?:[^"\\]|\\.)*+" \s* ,             # a list of strings, but no [link] of Markdown
    )""",
    re.VERBOSE | re.DOTALL,
)

_PROGRAMS = (
    *(b"MZ", b"\x7fELF", b"\0asm", b"\xca\xfe\xba\xbe", b"\xfe\xed\xfa\xce"),
    *(b"\xfe\xed\xfa\xcf", b"\xce\xfa\xed\xfe", b"\xcf\xfa\xed\xfe"),
)
MAGIC_BYTES = 1024  #: no signature that we name lies deeper
_NOTEBOOK = re.compile(r"\"nbformat\"\s*+:\s*+\d")
_CELLS = re.compile(r"\"(?:cells|worksheets)\"\s*+:\s*+\[")


class Form(Enum):
    """The language of a text, as far as its beginning and its end show."""

    HTML_PAGE = auto()
    HTML_PIECE = auto()  #: begins with a tag of HTML, as Markdown may as well
    FLAT_ODT = auto()  #: an OpenDocument text in one XML file
    FLAT_ODS = auto()  #: a spreadsheet
    FLAT_ODP = auto()  #: a presentation
    SVG = auto()
    XML = auto()
    JSON = auto()
    NOTEBOOK = auto()  #: of Jupyter, which is JSON
    POSTSCRIPT = auto()
    FREE = auto()  #: anything else


_FLAT_FORMS = {
    "text": Form.FLAT_ODT,
    "spreadsheet": Form.FLAT_ODS,
    "presentation": Form.FLAT_ODP,
}


def decoded(head: bytes, tail: bytes, *, whole: bool) -> str | None:
    """Decode the head of a file as text; None when it is binary.

    `whole` says that the head is the whole file, so that it must not end inside a character. Of the
    encodings of one language (Shift-JIS, Windows-1250 …) only what they share with ASCII is right.
    """
    marked = wide_text.marked(head)
    wide = marked if marked in ("utf-16", "utf-32") else _unmarked(head)
    if wide is not None:
        return _strictly(head, wide, whole=whole)
    if _BINARY.search(tail.decode("latin-1")):
        return None
    text = head.removeprefix(codecs.BOM_UTF8)
    return _strictly(text, "utf-8", whole=whole) or _free_of_controls(text.decode("latin-1"))


def _unmarked(head: bytes) -> str | None:
    """Return the wide encoding of a text without a mark; a program's bytes may look like one."""
    is_known = head.startswith(_PROGRAMS) or filetype.guess(head[:MAGIC_BYTES]) is not None
    return None if is_known else wide_text.unmarked(head)


def _strictly(head: bytes, encoding: str, *, whole: bool) -> str | None:
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(head, final=whole)
    except UnicodeDecodeError:
        return None
    return _free_of_controls(text)


def _free_of_controls(text: str) -> str | None:
    return None if _BINARY.search(text) else text


def form(text: str, tail: bytes) -> Form:
    """Determine the form of a text from its first characters and its last bytes."""
    preamble = _PREAMBLE.match(text)
    body = text[preamble.end() :] if preamble else text
    if _HTML_PAGE.match(body):
        return Form.HTML_PAGE
    if _SVG.match(body):
        return Form.SVG
    if flat := _FLAT.match(body):
        return _FLAT_FORMS[flat[1]]
    is_piece = bool(_HTML_PIECE.match(body))
    is_page = is_piece and bool(_END_OF_PAGE.search(tail))  # which lacks its first tag
    if not is_page and (text.lstrip().startswith("<?xml") or _is_whole_xml(body, tail)):
        return Form.XML
    if is_piece:
        return Form.HTML_PIECE
    if _JSON.match(text):
        return Form.NOTEBOOK if _is_notebook(text, tail) else Form.JSON
    return Form.POSTSCRIPT if text.startswith("%!PS") else Form.FREE


def _is_notebook(text: str, tail: bytes) -> bool:
    """Return whether JSON names the version of a notebook, which stands at either end."""
    is_object = text.lstrip().startswith("{")
    named = _NOTEBOOK.search(text) or _NOTEBOOK.search(tail.decode("latin-1"))
    return is_object and bool(named) and bool(_CELLS.search(text))


def _is_whole_xml(body: str, tail: bytes) -> bool:
    root = _XML_ROOT.match(body)
    if root is None or _HTML_PIECE.match(body):
        return False
    return tail.rstrip().endswith(f"</{root[1]}>".encode())
