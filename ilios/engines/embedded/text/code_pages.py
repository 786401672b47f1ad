"""Guessing in which of the encodings of one language a text is written.

The bytes beyond ASCII are read in each encoding in turn; the one whose characters are likeliest in
one of its languages wins. What is compared are logarithms of likelihoods.
"""

from __future__ import annotations

import io
import math
import re
from collections import Counter
from itertools import pairwise
from typing import Final, NamedTuple

from ilios.engines.embedded.text.languages import HAN, HANGUL, LANGUAGES, Language

USUAL: Final = "cp1252"
SAMPLE_BYTES: Final = 8 * 1024
RARITY: Final = {
    "cp1252": 0.0,
    "cp1250": 0.0,
    "cp1251": 0.0,
    "cp1253": 0.0,
    "cp1254": 0.5,
    "cp1255": 0.0,
    "cp1256": 1.0,
    "cp1257": 0.5,
    "cp1258": 1.0,
    "cp874": 1.0,
    "koi8-r": 0.5,
    "koi8-u": 0.5,
    "iso8859-7": 2.5,
    "iso8859-2": 1.5,
    "mac_roman": 2.5,
    "cp850": 2.5,
    "cp866": 2.5,
    "iso8859-5": 3.0,
    "mac_cyrillic": 4.0,
    "cp852": 3.0,
    "cp437": 3.0,
}
"""Encodings of one byte a character, and how much less likely they are than the usual one."""
UNKNOWN: Final = -9.0
"""A character that no language of the encoding has."""
OF_ANOTHER_LANGUAGE: Final = -6.0
CAPITAL: Final = -2.5
PUNCTUATION: Final = {
    **dict.fromkeys("«»„“”‘’–—…\xa0", -4.0),
    **dict.fromkeys("‚€£§©®°·№¿¡™ªº±½²³•", -5.0),
}
ACCENTS_OF_VIETNAMESE: Final = dict.fromkeys("\u0300\u0301\u0303\u0309\u0323", -2.1)
LATIN_MAX: Final = 20
"""With more letters beyond ASCII, their frequencies fall evenly, not steeply."""
STRANGE_CHANGE: Final = -5.0
"""A capital behind a small letter, or two scripts in one word."""
SMALL_WORD: Final = 1.5
SMALL_WORDS_MAX: Final = 2.0  #: as much as this for each byte beyond ASCII

_WORD: Final = re.compile(r"[^\W\d_]+")
_ASCII_WORD: Final = re.compile(rb"(?<![A-Za-z\x80-\xff])[A-Za-z]+(?![A-Za-z\x80-\xff])")
_EAST_ASIAN_BESIDE_LATIN: Final = re.compile(
    "(?<=[A-Za-z])[\u3001-\ud7a3]|[\u3001-\ud7a3](?=[A-Za-z])"
)
_KANA: Final = frozenset(map(chr, range(0x3041, 0x30FF)))


class _DoubleByte(NamedTuple):
    """An encoding with up to two bytes a character."""

    core: str  #: the older encoding, whose characters are the usual ones
    rare_from: int  #: first byte of the characters that even that one has for names only
    frequent: frozenset[str]
    share: float  #: of these characters in any text


_DOUBLE_BYTE: Final = {
    "cp932": _DoubleByte("shift_jis", 0x100, _KANA, 0.3),
    "euc_jis_2004": _DoubleByte("euc_jp", 0x100, _KANA, 0.3),
    "gb18030": _DoubleByte("gb2312", 0xD8, HAN, 0.15),
    "big5hkscs": _DoubleByte("big5", 0xC9, HAN, 0.15),
    "cp949": _DoubleByte("euc_kr", 0x100, HANGUL, 0.3),
}


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
    evidence = sum(_weight(n) for byte, n in Counter(sample).items() if byte > 0x7F)
    small_words = _small_words(sample, SMALL_WORDS_MAX * evidence)
    bounds = {
        encoding: _single_byte(sample, encoding, small_words) - rarity
        for encoding, rarity in RARITY.items()
    }
    for encoding in _DOUBLE_BYTE:
        bounds[encoding] = _double_byte(sample, encoding, evidence)
    best, found = -math.inf, USUAL
    for encoding in sorted(bounds, key=lambda encoding: bounds[encoding], reverse=True):
        if bounds[encoding] <= best:
            break
        text = sample.decode(encoding, "replace")
        score = bounds[encoding] + STRANGE_CHANGE * _strange_changes(text)
        if score > best:
            best, found = score, encoding
    return found


def _weight(count: int) -> float:
    """Return how much a character tells that stands in the text so often: ever less."""
    return math.sqrt(count)


def _likelihoods(language: Language) -> dict[str, float]:
    count = len(language.letters)
    weights = [1 / (n + 2) if count <= LATIN_MAX else count - n + 1 for n in range(count)]
    found = {
        letter: math.log(weight / sum(weights))
        for letter, weight in zip(language.letters, weights, strict=True)
    }
    for letter, likelihood in list(found.items()):
        if len(letter.upper()) == 1:
            found.setdefault(letter.upper(), likelihood + CAPITAL)
    accents = ACCENTS_OF_VIETNAMESE if "cp1258" in language.code_pages else {}
    return {**PUNCTUATION, **found, **accents}


_LIKELIHOODS: Final = [(language, _likelihoods(language)) for language in LANGUAGES]
_BY_CODE_PAGE: Final = {
    encoding: [
        (number, likelihoods)
        for number, (language, likelihoods) in enumerate(_LIKELIHOODS)
        if encoding in language.code_pages
    ]
    for encoding in RARITY
}
_LETTERS: Final = {
    encoding: frozenset().union(*(likelihoods for _, likelihoods in languages))
    for encoding, languages in _BY_CODE_PAGE.items()
}


def _small_words(sample: bytes, most: float) -> list[float]:
    """Return for each language how much the words within ASCII speak for it."""
    words = Counter(word.lower().decode() for word in _ASCII_WORD.findall(sample))
    return [min(SMALL_WORD * sum(words[w] for w in each.words), most) for each in LANGUAGES]


def _single_byte(sample: bytes, encoding: str, small_words: list[float]) -> float:
    text = sample.decode(encoding, "replace")
    characters = Counter(c for c in text if c > "\x7f")
    letters = _LETTERS[encoding]
    foreign = {c: OF_ANOTHER_LANGUAGE if c in letters else UNKNOWN for c in characters}
    return UNKNOWN * text.count("\ufffd") + max(
        sum(_weight(count) * likelihoods.get(c, foreign[c]) for c, count in characters.items())
        + small_words[number]
        for number, likelihoods in _BY_CODE_PAGE[encoding]
    )


def _strange_changes(text: str) -> int:
    return sum(_changes_of_script(word) for word in _WORD.findall(text) if not word.isascii())


def _changes_of_script(word: str) -> int:
    return sum(
        (before.islower() and after.isupper())
        or ((before > "\x7f") != (after > "\x7f") and _is_other(max(before, after)))
        for before, after in pairwise(word)
    )


def _is_other(letter: str) -> bool:
    """Return whether a letter is of another alphabet than the Latin one."""
    return "\u0370" <= letter < "\u1e00"


def _double_byte(sample: bytes, encoding: str, evidence: float) -> float:
    text = sample.decode(encoding, "replace")
    kind = _DOUBLE_BYTE[encoding]
    characters = Counter(c for c in text if c > "\x7f")
    total = max(1, characters.total())
    rare = sum(count * _rareness(c, kind) for c, count in characters.items()) / total
    frequent = sum(count for c, count in characters.items() if c in kind.frequent) / total
    beside_latin = len(_EAST_ASIAN_BESIDE_LATIN.findall(text)) / total
    lacking = max(0.0, kind.share - frequent)
    return -0.5 - evidence * (2.5 + 8 * rare + 3 * beside_latin + 8 * lacking)


def _rareness(character: str, kind: _DoubleByte) -> float:
    if "\uff61" <= character <= "\uff9f":  # half-width kana: a single byte
        return 0.7
    try:
        return 0.5 * (character.encode(kind.core)[0] >= kind.rare_from)
    except UnicodeEncodeError:
        return 1.0
