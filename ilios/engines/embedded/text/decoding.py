"""Reading text files of any encoding, for all formats that are text."""

from __future__ import annotations

import codecs
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ilios.engines import conversion_warnings, document_errors, unicode
from ilios.engines.base import ConversionWarning
from ilios.engines.detection import wide_text
from ilios.engines.embedded import limits
from ilios.engines.embedded.text import code_pages

BINARY_SHARE: Final = 0.05
BINARY_SAMPLE_CHARACTERS: Final = 256 * 1024
DAMAGED_UTF8_SHARE: Final = 1 / 8
"""Of the bytes beyond ASCII, so many may be no UTF-8 in a text that is UTF-8 all the same."""

_BEYOND_ASCII: Final = bytes(range(0x80, 0x100))
_ESCAPES_OF_JIS: Final = re.compile(rb"\x1b(?:\$[@B(]|\([JI])")


@dataclass(frozen=True, slots=True)
class DecodedText:
    """A text, and what was doubtful about its bytes."""

    text: str
    warnings: tuple[ConversionWarning, ...] = ()


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
    sample = text[:BINARY_SAMPLE_CHARACTERS]
    strange = sum(
        unicodedata.category(c) in wide_text.NEVER_WRITTEN and c not in "\n\t\f" for c in sample
    )
    if strange > BINARY_SHARE * len(sample):
        raise document_errors.corrupt("text")


def decoded(content: bytes) -> str:
    """Decode bytes by their byte order mark, as UTF-8, as UTF-16, or in the likeliest code page."""
    return decoded_with_warnings(content).text


def decoded_with_warnings(content: bytes) -> DecodedText:
    """Decode as `decoded` does; a warning counts the bytes that are not of the encoding."""
    encoding = encoding_of(content)
    text, damaged = _text_and_damage(content, encoding)
    if encoding == "cp1258":  # has accents as characters of their own
        text = unicode.normalized("NFC", text)
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if not damaged:
        return DecodedText(text)
    return DecodedText(text, (conversion_warnings.undecodable_bytes(damaged, encoding),))


def encoding_of(content: bytes) -> str:
    """Return the name of the encoding that `decoded` uses."""
    marked = wide_text.marked(content)
    if marked is not None:
        return marked
    wide = wide_text.unmarked(content)
    if wide is not None:
        return wide
    if content.isascii():
        return "iso2022_jp_ext" if _ESCAPES_OF_JIS.search(content) else "utf-8"
    if _is_utf8(content):
        return "utf-8"
    return code_pages.likeliest(code_pages.telling_sample(content))


def _read_as_windows_1252(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("cp1252", "replace"), error.end


codecs.register_error("ilios.windows-1252", _read_as_windows_1252)


def _text_and_damage(content: bytes, encoding: str) -> tuple[str, int]:
    """Return the text, and how many bytes are not of the encoding.

    In a text that is UTF-8 these are read as Windows-1252, for that is what is pasted into one.
    """
    try:
        return content.decode(encoding), 0
    except UnicodeDecodeError:
        pass
    if encoding in ("utf-8", "utf-8-sig"):
        content = content.removeprefix(codecs.BOM_UTF8)
        kept = content.decode("utf-8", "ignore").encode()
        return content.decode("utf-8", "ilios.windows-1252"), len(content) - len(kept)
    text = content.decode(encoding, "replace")
    return text, max(1, text.count("\ufffd"))


def _is_utf8(content: bytes) -> bool:
    """Return whether bytes are UTF-8, but for a few: a cut character, a line pasted from elsewhere.

    What is written in another encoding is hardly ever UTF-8 by chance.
    """
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        high = len(content) - len(content.translate(None, _BEYOND_ASCII))
        rest = content.decode("utf-8", "ignore").encode()
        return len(content) - len(rest) <= DAMAGED_UTF8_SHARE * high
    return True
