"""The texts of fields of a head, which may hold encoded words (RFC 2047) and bytes of any encoding.

The standard library takes the square of a field's length to read it, and fails on damaged ones.
"""

from __future__ import annotations

import base64
import binascii
import quopri
import re
from email.utils import parsedate_to_datetime
from typing import Final

from ilios.engines.embedded.mail.limits import FIELD_MAX_CHARACTERS
from ilios.engines.embedded.text.code_pages import USUAL
from ilios.engines.embedded.text.decoding import decoded
from ilios.engines.embedded.web.html.decoding import codec_of

DATE_MAX_CHARACTERS: Final = 100
_WORD: Final = re.compile(r"=\?([^?\s]{1,60})\?([bBqQ])\?([^?]*+)\?=")
_SPACES: Final = re.compile(r"\s+")
_COMMENT: Final = re.compile(r"\([^()]*\)")


def field_text(raw: str) -> str:
    """Return the text of a field in one line; `raw` is as `email` keeps it, with surrogates."""
    raw = raw[:FIELD_MAX_CHARACTERS]
    parts: list[str] = []
    words: list[tuple[str, bytes]] = []
    end = 0
    for match in _WORD.finditer(raw):
        between = raw[end : match.start()]
        if between.strip() or not words:
            parts += (_joined(words), _of_eight_bits(between))
            words = []
        words.append((match[1].partition("*")[0].lower(), _word(match[2], match[3])))
        end = match.end()
    parts += (_joined(words), _of_eight_bits(raw[end:]))
    return _SPACES.sub(" ", "".join(parts)).strip()


def date_text(raw: str) -> str:
    """Return a date as ISO 8601 with its offset; empty if it cannot be read."""
    try:
        return parsedate_to_datetime(_COMMENT.sub("", raw[:DATE_MAX_CHARACTERS])).isoformat()
    except (ValueError, TypeError, IndexError, OverflowError):
        return ""


def text_of(content: bytes, charset: str) -> str:
    """Decode bytes as their charset says if it is known and they are of it, else as they look."""
    codec = codec_of(charset) if charset else None
    # What calls itself Latin and is UTF-8, is: by chance it never would be.
    for each in ("utf-8", codec) if codec == USUAL else (codec,):
        try:
            return content.decode(each) if each else decoded(content)
        except ValueError:
            pass
    return decoded(content) if content else ""


def _joined(words: list[tuple[str, bytes]]) -> str:
    """Decode neighbouring encoded words; those of one charset may share a letter."""
    texts: list[str] = []
    pending: list[bytes] = []
    for number, (charset, content) in enumerate(words, start=1):
        pending.append(content)
        if number == len(words) or words[number][0] != charset:
            texts.append(text_of(b"".join(pending), charset))
            pending = []
    return "".join(texts)


def _word(encoding: str, text: str) -> bytes:
    raw = text.encode("utf-8", "surrogateescape")
    if encoding in "qQ":
        return quopri.decodestring(raw, header=True)
    try:
        return base64.b64decode(raw + b"=" * (-len(raw) % 4))
    except (binascii.Error, ValueError):
        return raw


def _of_eight_bits(text: str) -> str:
    """Decode bytes beyond ASCII that stand in a field as they are."""
    if text.isascii():
        return text
    try:
        return decoded(text.encode("ascii", "surrogateescape"))
    except UnicodeEncodeError:  # letters: a program has decoded them
        return text
