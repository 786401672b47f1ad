"""Media types: which are accepted, and how a file's type is determined from its bytes."""

from __future__ import annotations

import os
import re
from pathlib import PurePath
from typing import BinaryIO, Final

import filetype

from ilios.core.archive_errors import ArchiveGiven
from ilios.core.request_errors import EmptyFile, UnsupportedType
from ilios.engines.detection import containers, signatures, text_forms
from ilios.engines.detection.archives import ArchiveKind, kind_of_head
from ilios.engines.detection.text_forms import Form

PDF: Final = "application/pdf"
PNG: Final = "image/png"
JPEG: Final = "image/jpeg"
WEBP: Final = "image/webp"
TIFF: Final = "image/tiff"
GIF: Final = "image/gif"
BMP: Final = "image/bmp"
AVIF: Final = "image/avif"
JP2: Final = "image/jp2"
HEIC: Final = "image/heic"
DOCX: Final = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
PPTX: Final = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
EPUB: Final = "application/epub+zip"
ODT: Final = "application/vnd.oasis.opendocument.text"
FODT: Final = "application/vnd.oasis.opendocument.text-flat-xml"
ODS: Final = "application/vnd.oasis.opendocument.spreadsheet"
FODS: Final = "application/vnd.oasis.opendocument.spreadsheet-flat-xml"
ODP: Final = "application/vnd.oasis.opendocument.presentation"
FODP: Final = "application/vnd.oasis.opendocument.presentation-flat-xml"
RTF: Final = "application/rtf"
DOC: Final = "application/msword"
XLS: Final = "application/vnd.ms-excel"
PPT: Final = "application/vnd.ms-powerpoint"
EML: Final = "message/rfc822"
MSG: Final = "application/vnd.ms-outlook"
IPYNB: Final = "application/x-ipynb+json"
JSON: Final = "application/json"
XML: Final = "application/xml"
HTML: Final = "text/html"
CSV: Final = "text/csv"
PLAIN: Final = "text/plain"
MARKDOWN: Final = "text/markdown"
UNKNOWN: Final = "application/octet-stream"  #: of what is kept, or not here yet; never converted

EXTENSIONS: Final[dict[str, str]] = {
    PDF: ".pdf",
    PNG: ".png",
    JPEG: ".jpg",
    WEBP: ".webp",
    TIFF: ".tif",
    GIF: ".gif",
    BMP: ".bmp",
    AVIF: ".avif",
    JP2: ".jp2",
    HEIC: ".heic",
    DOCX: ".docx",
    PPTX: ".pptx",
    XLSX: ".xlsx",
    EPUB: ".epub",
    ODT: ".odt",
    FODT: ".fodt",
    ODS: ".ods",
    FODS: ".fods",
    ODP: ".odp",
    FODP: ".fodp",
    RTF: ".rtf",
    DOC: ".doc",
    XLS: ".xls",
    PPT: ".ppt",
    EML: ".eml",
    MSG: ".msg",
    IPYNB: ".ipynb",
    JSON: ".json",
    XML: ".xml",
    HTML: ".html",
    CSV: ".csv",
    PLAIN: ".txt",
    MARKDOWN: ".md",
}
"""Every accepted type with the extension that its stored object gets."""

_WORD: Final = "application/vnd.openxmlformats-officedocument.wordprocessingml."
_SLIDES: Final = "application/vnd.openxmlformats-officedocument.presentationml."
_SHEETS: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml."
_VARIANTS: Final = {
    "application/vnd.ms-word.document.macroenabled": DOCX,
    "application/vnd.ms-word.template.macroenabled": DOCX,
    "application/vnd.ms-word.template.macroenabledtemplate": DOCX,
    f"{_WORD}template": DOCX,
    "application/vnd.ms-powerpoint.presentation.macroenabled": PPTX,
    "application/vnd.ms-powerpoint.slideshow.macroenabled": PPTX,
    "application/vnd.ms-powerpoint.template.macroenabled": PPTX,
    f"{_SLIDES}slideshow": PPTX,
    f"{_SLIDES}template": PPTX,
    "application/vnd.ms-excel.sheet.macroenabled": XLSX,
    "application/vnd.ms-excel.template.macroenabled": XLSX,
    f"{_SHEETS}template": XLSX,
    f"{ODT}-template": ODT,
    f"{ODT}-master": ODT,
    f"{ODT}-web": ODT,
    f"{ODS}-template": ODS,
    f"{ODP}-template": ODP,
    "text/tab-separated-values": CSV,
    "text/rtf": RTF,
    "text/xml": XML,
    "application/x-ndjson": JSON,
    "application/jsonl": JSON,
    "image/x-ms-bmp": BMP,
    "image/jpx": JP2,
    "image/jpm": JP2,
    "image/heif": HEIC,
    "application/xhtml+xml": HTML,
}
"""Types, in small letters, whose files are read as one of the accepted types: what differs are
macros, which nobody runs here, what the file is meant for, or only the name of the type."""
VARIANT_EXTENSIONS: Final = {
    ".docm": DOCX,
    ".dotx": DOCX,
    ".dotm": DOCX,
    ".pptm": PPTX,
    ".ppsx": PPTX,
    ".ppsm": PPTX,
    ".potx": PPTX,
    ".potm": PPTX,
    ".xlsm": XLSX,
    ".xltx": XLSX,
    ".xltm": XLSX,
    ".ott": ODT,
    ".dot": DOC,
    ".xlt": XLS,
    ".pps": PPT,
    ".pot": PPT,
    ".ots": ODS,
    ".otp": ODP,
    ".tsv": CSV,
}
"""How files of those types are called."""
OTHER_EXTENSIONS: Final = {
    ".jpeg": JPEG,
    ".tiff": TIFF,
    ".htm": HTML,
    ".xhtml": HTML,
    ".tab": CSV,
    ".markdown": MARKDOWN,
    ".dib": BMP,
    ".j2k": JP2,
    ".j2c": JP2,
    ".jpx": JP2,
    ".jpf": JP2,
    ".heif": HEIC,
    ".mht": EML,
    ".mhtml": EML,
    ".jsonl": JSON,
    ".ndjson": JSON,
    ".geojson": JSON,
}
"""What else files of the accepted types are called."""
NAMED: Final = {
    **{extension: kind for kind, extension in EXTENSIONS.items()},
    **VARIANT_EXTENSIONS,
    **OTHER_EXTENSIONS,
}
"""Every extension of an accepted file, with the type as which such files are read."""

HEAD_BYTES: Final = 64 * 1024  #: of a longer file, only this much and the tail are read
TAIL_BYTES: Final = 2 * 1024
PDF_JUNK_MAX_BYTES: Final = 1024  #: what readers tolerate before `%PDF-`

_ACCEPTED: Final = (
    "PDF, PNG, JPEG, WebP, TIFF, GIF, BMP, AVIF, JPEG 2000, DOCX, PPTX and XLSX (also templates, "
    "slide shows and files with macros), DOC, PPT, XLS, EPUB, ODT, ODS, ODP, FODT, FODS, FODP, "
    "RTF, mails (EML, MSG), HTML, XML, JSON, notebooks (IPYNB), CSV, TSV, plain text and Markdown"
)
_IMAGES: Final = {
    "image/png": PNG,
    "image/apng": PNG,
    "image/jpeg": JPEG,
    "image/webp": WEBP,
    "image/tiff": TIFF,
}
_PDF_MAGIC: Final = b"%PDF"
_ZIP_MAGIC: Final = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_ZIP: Final = "application/zip"
_ZIPPED: Final = frozenset((DOCX, PPTX, XLSX, EPUB, ODT, ODS, ODP))
_MEDIA_TYPE: Final = re.compile(r"[a-z]+/[A-Za-z0-9.+-]{1,100}")
OLE_MAGIC: Final = bytes.fromhex("d0cf11e0a1b11ae1")
_ENCRYPTABLE: Final = {e: kind for e, kind in NAMED.items() if kind in (DOCX, PPTX, XLSX)}
_MESSAGE: Final = ("__properties_version1.0", "__nameid_version1.0", "__substg1.0_", "__recip_v")
_COMPOUND: Final = {
    "worddocument": DOC,
    "workbook": XLS,
    "book": XLS,
    "powerpoint document": PPT,
}
"""Types of OLE compound files by a stream that each has, in small letters."""
_TEXT_EXTENSIONS: Final = {
    e: kind for e, kind in NAMED.items() if kind in (HTML, XML, JSON, CSV, PLAIN, MARKDOWN)
}
_FORMS: Final = {
    Form.HTML_PAGE: HTML,
    Form.FLAT_ODT: FODT,
    Form.FLAT_ODS: FODS,
    Form.FLAT_ODP: FODP,
    Form.XML: XML,
    Form.NOTEBOOK: IPYNB,
    Form.JSON: JSON,
}
_NEED_MISTRAL: Final = {
    HEIC: "a picture in HEIC (image/heic)",
}
_REFUSED_FORMS: Final = {
    Form.SVG: "an SVG drawing (image/svg+xml)",
    Form.POSTSCRIPT: "PostScript (application/postscript)",
}


def base_type(media_type: str) -> str:
    """Return the accepted type as which files of this type are read; else the type itself."""
    plain = media_type.lower()
    return _VARIANTS.get(plain.removesuffix(".12"), plain if plain in EXTENSIONS else media_type)


def sniff(file: BinaryIO, file_name: str) -> str:
    """Return the media type of a seekable file by its bytes; moves the file's position.

    The name decides only between types that look alike: text formats, and encrypted Office files. A
    damaged file has the type that its beginning shows. Reads both ends of the file, and of a ZIP
    its directory. Raises EmptyFile, and UnsupportedType naming what was found and what is accepted.
    """
    if _between(file, 0, len(_PDF_MAGIC)) == _PDF_MAGIC:
        return PDF
    head = _between(file, 0, HEAD_BYTES)
    if not head:
        raise EmptyFile("The file is empty. Send a file with content.")
    extension = PurePath(file_name).suffix.lower()
    if head.startswith(_ZIP_MAGIC):
        return _zipped(file, head)
    if head.startswith(OLE_MAGIC):
        return _ole(file, extension)
    if (kind := kind_of_head(head)) is not None:
        raise ArchiveGiven(kind)
    if signatures.is_mail(head, is_named_so=NAMED.get(extension) == EML):
        return EML
    return _by_signature(head) or _by_content(file, head, extension)


def _by_signature(head: bytes) -> str | None:
    if head.startswith(b"{\\rtf"):
        return RTF
    if head.startswith((b"GIF87a", b"GIF89a")):  # filetype takes any text that begins with "GIF"
        return GIF
    if head.startswith(signatures.JPEG_2000):
        return JP2
    brands = signatures.brands(head)
    if brands & signatures.AVIF_BRANDS:
        return AVIF
    if brands & signatures.HEIC_BRANDS:
        return HEIC
    image = filetype.image_match(head)
    return _IMAGES.get(image.mime) if image else None


def _zipped(file: BinaryIO, head: bytes) -> str:
    try:
        declared = containers.zip_declaration(file)
    except containers.DamagedContainer:
        declared = filetype.guess_mime(head)
    kind = base_type(declared or "")
    if kind in _ZIPPED:
        return kind
    if declared and declared != _ZIP and _MEDIA_TYPE.fullmatch(declared):
        raise _unsupported(f"of type {declared}")
    raise ArchiveGiven(ArchiveKind.ZIP)


def _ole(file: BinaryIO, extension: str) -> str:
    streams = {name.lower() for name in containers.ole_streams(file)}  # the case does not matter
    if "encryptedpackage" in streams:  # how Office stores a DOCX, PPTX or XLSX with a password
        if extension in _ENCRYPTABLE:
            return _ENCRYPTABLE[extension]
        raise _unsupported("an encrypted Office document named neither .docx, .pptx nor .xlsx")
    if any(stream.startswith(_MESSAGE) for stream in streams):
        return MSG
    for stream, kind in _COMPOUND.items():
        if stream in streams:
            return kind
    raise _unsupported("an OLE compound file (application/x-ole-storage)")


def _by_content(file: BinaryIO, head: bytes, extension: str) -> str:
    size_bytes = file.seek(0, os.SEEK_END)
    tail = _between(file, max(0, size_bytes - TAIL_BYTES), TAIL_BYTES)
    text = text_forms.decoded(head, tail, whole=size_bytes == len(head))
    late_pdf = b"%PDF-" in head[: PDF_JUNK_MAX_BYTES + len(b"%PDF-")]
    if text is None:
        return _by_magic(head, late_pdf=late_pdf)
    if late_pdf and b"%%EOF" in tail:  # else a text that mentions `%PDF-`
        return PDF
    return _text_type(text_forms.form(text, tail), extension)


def _by_magic(head: bytes, *, late_pdf: bool) -> str:
    magic = filetype.guess_mime(head[: text_forms.MAGIC_BYTES])
    if late_pdf and magic in (None, PDF):  # else an archive that holds a PDF
        return PDF
    if magic == BMP:
        return BMP
    raise _unsupported(f"of type {magic}" if magic else "binary, of a type that is not known")


def _text_type(form: Form, extension: str) -> str:
    if form in _REFUSED_FORMS:
        raise _unsupported(_REFUSED_FORMS[form])
    if form in _FORMS:
        return _FORMS[form]
    named = _TEXT_EXTENSIONS.get(extension)
    return named or (HTML if form is Form.HTML_PIECE else PLAIN)


def unread_here(media_type: str) -> str:
    """Return a sentence on a type that the embedded engine does not read."""
    found = _NEED_MISTRAL.get(media_type)
    if found is None:
        return f"Files of type {media_type} cannot be converted by the embedded engine."
    return (
        f"The file is {found}, which the embedded engine does not read. Send it as PDF or in a "
        "newer format, or set the engine Mistral (MISTRAL_API_KEY), which takes it."
    )


def _unsupported(found: str) -> UnsupportedType:
    return UnsupportedType(f"The file is {found}. Accepted are {_ACCEPTED}.")


def _between(file: BinaryIO, offset: int, size: int) -> bytes:
    file.seek(offset)
    return file.read(size)
