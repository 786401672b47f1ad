"""Guessing in which of the encodings of one language a text is written."""

from __future__ import annotations

import codecs
import io
import re
from typing import Final

_LATIN_WORDS: Final = (
    "cp1250 cp1252 cp1254 cp1257 cp1258 iso8859-1 iso8859-2 iso8859-9 iso8859-15 iso8859-16 "
    "mac_roman cp437 cp850 cp852"
)
_OTHER_WORDS: Final = (
    "cp1251 cp1253 cp1255 cp1256 cp874 tis-620 koi8-r koi8-u iso8859-5 iso8859-7 iso8859-8 cp932 "
    "shift_jis_2004 euc_jis_2004 iso2022_jp_2 gb18030 big5hkscs cp949 mac_cyrillic cp866"
)
LATIN_CODE_PAGES: Final = tuple(_LATIN_WORDS.split())
CODE_PAGES: Final = (*LATIN_CODE_PAGES, *_OTHER_WORDS.split())
"""Encodings to guess from: rarer ones would mislead where texts are short."""
_WIDER: Final = {
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "tis-620": "cp874",
    "shift_jis_2004": "cp932",
    "iso2022_jp_2": "iso2022_jp_ext",
}
"""Encodings whose printable characters another one has at the same places, beside further ones."""
USUAL: Final = "cp1252"
SAMPLE_BYTES: Final = 64 * 1024
DOUBLE_BYTE: Final = ("cp932", "gb18030", "big5hkscs", "cp949", "euc_jis_2004")
DAMAGED_SHARE: Final = 0.02
DOUBTED_BELOW: Final = 0.1
TRUSTED_ABOVE: Final = 0.2
"""Confidence of a guess: one broken character makes a double-byte text look like no such text."""
FEW_ACCENTS: Final = 3
FEW_ACCENTS_CONFIDENCE: Final = 0.05
"""With so few accents a guess below this is not better than the usual encoding."""

_CONTROLS: Final = bytes(c for c in range(0x20) if c not in b"\t\n\r\x1b")
MIXED_WORDS_SHARE: Final = 0.1
_OTHER_LETTERS: Final = re.compile("[\u0370-\u05ff]+")  # Greek, Cyrillic, Armenian, Hebrew
_MIXED_WORD: Final = re.compile("[A-Za-z][\u0370-\u05ff]|[\u0370-\u05ff][A-Za-z]")
_WESTERN: Final = re.compile(r"[\x00-\x7fÄÖÜÅÆØÉÇÑßäöüåæøéèêëàâáíîïóôúùûãõçñ“”‘’–—…€£§©°²³]*")
"""What Western texts use of Windows-1252."""


def telling_sample(content: bytes) -> bytes:
    """Return lines that hold more than ASCII: all the rest tells nothing about the encoding."""
    lines: list[bytes] = []
    left = SAMPLE_BYTES
    for line in io.BytesIO(content):
        if not line.isascii():
            lines.append(line[:left])
            left -= len(line)
        if left <= 0:
            break
    return b"".join(lines)


def likeliest(sample: bytes) -> str:
    """Return the encoding that bytes which are no UTF-8 are most likely written in."""
    found, confidence = _guessed(sample, CODE_PAGES)
    if confidence < DOUBTED_BELOW:
        double_byte = _double_byte_despite_damage(sample)
        if double_byte is not None:
            return double_byte
    if _mixes_scripts(sample.decode(found, "replace")):
        found, confidence = _guessed(sample, LATIN_CODE_PAGES)
    if confidence < FEW_ACCENTS_CONFIDENCE and _has_few_western_accents(sample):
        return USUAL
    wider = _WIDER.get(found, found)
    return wider if _decodes(sample, wider) else found


def _double_byte_despite_damage(sample: bytes) -> str | None:
    """Return the double-byte encoding that the sample surely has without its broken characters."""
    for encoding in DOUBLE_BYTE:
        sound = sample.decode(encoding, "ignore").encode(encoding, "ignore")
        if len(sample) - len(sound) > DAMAGED_SHARE * len(sample):
            continue
        found, confidence = _guessed(sound, CODE_PAGES)
        if found == encoding and confidence > TRUSTED_ABOVE:
            return encoding
    return None


def _decodes(sample: bytes, encoding: str) -> bool:
    try:  # the sample may end inside a character
        codecs.getincrementaldecoder(encoding)().decode(sample)
    except UnicodeDecodeError:
        return False
    return True


def _mixes_scripts(text: str) -> bool:
    """Return whether letters of Latin and of another script share words, as in no language."""
    others = sum(1 for _ in _OTHER_LETTERS.finditer(text))
    return sum(1 for _ in _MIXED_WORD.finditer(text)) > MIXED_WORDS_SHARE * others


def _guessed(sample: bytes, encodings: tuple[str, ...]) -> tuple[str, float]:
    import chardet

    # a line break first: a text that begins with "BM" is not a bitmap
    plain = b"\n" + sample.translate(None, _CONTROLS)
    guess = chardet.detect(
        plain, compat_names=False, include_encodings=encodings, no_match_encoding=USUAL
    )
    return guess["encoding"] or USUAL, guess["confidence"]


def _has_few_western_accents(sample: bytes) -> bool:
    try:
        text = sample.decode(USUAL)
    except UnicodeDecodeError:
        return False
    letters = sum(c > "\x7f" and c.isalpha() for c in text)
    return letters <= FEW_ACCENTS and _WESTERN.fullmatch(text) is not None
