"""The encoding of web pages: what they declare, as browsers understand it, against their bytes."""

from __future__ import annotations

import codecs
import re
from typing import Final

from ilios.engines.embedded.text.decoding import decoded, encoding_of

DECLARATION_BYTES: Final = 4096
UNREADABLE_SHARE: Final = 0.5
"""More of a text beyond ASCII than this cannot be read: its declaration is wrong."""
_META = re.compile(rb"<meta[^>]+charset\s*=\s*[\"']?\s*([A-Za-z0-9_.:-]+)", re.IGNORECASE)
_XML = re.compile(rb"<\?xml[^>]*\bencoding\s*=\s*[\"']([A-Za-z0-9_.:-]+)", re.IGNORECASE)
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")
#: Names that browsers take for a larger encoding than Python does.
_LARGER: Final = {
    "ascii": "cp1252",
    "us-ascii": "cp1252",
    "iso-8859-1": "cp1252",
    "latin1": "cp1252",
    "latin-1": "cp1252",
    "iso-8859-9": "cp1254",
    "iso-8859-11": "cp874",
    "tis-620": "cp874",
    "windows-874": "cp874",
    "iso-8859-8-i": "iso8859_8",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "sjis": "cp932",
    "x-sjis": "cp932",
    "windows-31j": "cp932",
    "gb2312": "gb18030",
    "gb_2312-80": "gb18030",
    "gbk": "gb18030",
    "big5": "big5hkscs",
    "euc-kr": "cp949",
    "ks_c_5601-1987": "cp949",
    "x-mac-roman": "mac_roman",
    "macintosh": "mac_roman",
    "x-mac-cyrillic": "mac_cyrillic",
}


_NOT_FOR_TEXTS: Final = ("punycode", "idna", "unicode_escape", "raw_unicode_escape", "undefined")
"""Codecs of Python that no text is written in; some take the square of its length."""


def codec_of(charset: str) -> str | None:
    """Return the codec of Python for a charset as browsers understand it; None if there is none."""
    name = charset.strip(" \t\"'").lower()
    try:
        codec = codecs.lookup(_LARGER.get(name, name)).name
        b"x".decode(codec, "replace")  # fails for what makes other bytes of bytes
    except (LookupError, ValueError):
        return None
    return None if codec.replace("-", "_") in _NOT_FOR_TEXTS else codec


def decoded_page(content: bytes, named: str = "") -> str:
    """Decode a page: as UTF-8 if its bytes are, else as it declares if that can be read.

    `named` is the encoding that came with the page, in a mail; it counts before its own.
    """
    encoding = _known(named) or _declared(content[:DECLARATION_BYTES])
    if encoding is None or (encoding_of(content).startswith("utf") and b"\x1b" not in content):
        return decoded(content)
    text = content.decode(encoding, errors="replace")
    if text.count("\ufffd") > UNREADABLE_SHARE * len(_BEYOND_ASCII.findall(text)):
        return decoded(content)
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def _declared(head: bytes) -> str | None:
    """Return the encoding that a page declares in a way that its own bytes do not refute."""
    found = _META.search(head) or _XML.search(head)
    return _known(found[1].decode("ascii") if found else "")


def _known(name: str) -> str | None:
    name = name.lower()
    if not name or name.startswith(("utf-16", "utf-32", "utf16", "utf32", "ucs", "utf-7")):
        return None  # a declaration that can be read byte by byte is in none of these
    return codec_of(name)
