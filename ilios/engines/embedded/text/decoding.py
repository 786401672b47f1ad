"""Reading text files of any encoding, for all formats that are text."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Final

from ilios.engines import document_errors
from ilios.engines.embedded import limits

_BYTE_ORDER_MARKS: Final = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_CODE_PAGES_WORDS: Final = (
    "cp1250 cp1251 cp1252 cp1253 cp1254 cp1255 cp1256 cp1257 cp1258 cp874 koi8_r iso8859_2 "
    "iso8859_5 iso8859_7 cp932 euc_jp gb18030 big5 cp949"
)
_CODE_PAGES = tuple(_CODE_PAGES_WORDS.split())
"""Encodings to guess from. Rarer ones would mislead: those of old Macintoshes differ from the
Windows ones in a few letters."""
DETECTION_SAMPLE_BYTES: Final = 256 * 1024
SHORT_SAMPLE_BYTES: Final = 200
BINARY_SHARE: Final = 0.05
_NEVER_WRITTEN: Final = ("Cc", "Cn", "Co", "Cs")
"""Unicode categories that text never has: controls, unassigned, private, surrogates."""


def read_limited(path: Path, kind: str) -> bytes:
    """Read a text file whole; `kind` names it in errors. Raises DocumentTooLarge, EmptyDocument."""
    size = path.stat().st_size
    if size > limits.TEXT_MAX_BYTES:
        raise document_errors.too_large(
            f"The {kind} has {size // 1024**2} MB", f"{limits.TEXT_MAX_BYTES // 1024**2} MB"
        )
    content = path.read_bytes()
    if not content.strip():
        raise document_errors.empty(kind)
    return content


def refuse_binary(text: str) -> None:
    """Raise CorruptDocument if too many characters are none that text has."""
    sample = text[:DETECTION_SAMPLE_BYTES]
    strange = sum(unicodedata.category(c) in _NEVER_WRITTEN and c not in "\n\t\f" for c in sample)
    if strange > BINARY_SHARE * len(sample):
        raise document_errors.corrupt("text")


def decoded(content: bytes) -> str:
    """Decode bytes by their byte order mark, as UTF-8, as UTF-16, or in the likeliest code page."""
    text = content.decode(encoding_of(content), errors="replace")
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def encoding_of(content: bytes) -> str:
    """Return the name of the encoding that `decoded` uses."""
    for mark, encoding in _BYTE_ORDER_MARKS:
        if content.startswith(mark):
            return encoding
    if _is_utf8(content):
        return "utf-8"
    pairs = len(content) // 2
    if pairs and content[1::2].count(0) > 0.4 * pairs:
        return "utf-16-le"
    if pairs and content[::2].count(0) > 0.4 * pairs:
        return "utf-16-be"
    return _likeliest(content[:DETECTION_SAMPLE_BYTES])


def _is_utf8(content: bytes) -> bool:
    if b"\x00" in content:
        return False
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _likeliest(sample: bytes) -> str:
    from charset_normalizer import from_bytes

    high = sum(byte >= 0x80 for byte in sample)
    share = 0.3 if len(sample) < SHORT_SAMPLE_BYTES else 0.05
    if high < share * len(sample):  # a few accents: too little to tell the code pages apart
        return "cp1252"
    best = from_bytes(sample, cp_isolation=list(_CODE_PAGES)).best()
    return best.encoding if best is not None else "cp1252"
