"""UTF-16 and UTF-32, with a byte order mark or without one."""

from __future__ import annotations

import codecs
import re
import unicodedata
from typing import Final

MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
SAMPLE_BYTES: Final = 8 * 1024  #: divides by four
NEVER_WRITTEN: Final = ("Cc", "Cn", "Co", "Cs")
"""Unicode categories that text never has: controls, unassigned, private, surrogates."""

_LAYOUT: Final = "\t\n\f\r"
_BREAKS: Final = re.compile(r"[\s\u3001\u3002\uff0c\uff0e]")
_SCRIPTS: Final = (
    "\x09-\x0d\x20-\xff\u0100-\u024f",  # Latin
    "\u0370-\u03ff",  # Greek
    "\u0400-\u04ff",  # Cyrillic
    "\u0590-\u05ff",  # Hebrew
    "\u0600-\u06ff",  # Arabic
    "\u0900-\u097f",  # Devanagari
    "\u0e00-\u0e7f",  # Thai
    "\u3000-\u30ff\u4e00-\u9fff\uff00-\uffef",  # Chinese and Japanese
    "\uac00-\ud7a3\u3000-\u303f",  # Korean
)
_COMMON: Final = "\x09-\x0d\x20-\x7e\u2010-\u203a"  # stands in texts of every script
_OF_ONE_SCRIPT: Final = tuple(re.compile(f"[{_COMMON}{letters}]") for letters in _SCRIPTS)
_ONE_SCRIPT_SHARE: Final = 0.9
_STRANGE_SHARE: Final = 0.01
_CHARACTERS_MIN: Final = 4


def marked(content: bytes) -> str | None:
    """Return the encoding that a byte order mark names."""
    return next((encoding for mark, encoding in MARKS if content.startswith(mark)), None)


def unmarked(content: bytes) -> str | None:
    """Return the wide encoding of bytes that have no mark but are text in no other encoding.

    They hold NUL or other controls, and read two or four at a time they are text in one script.
    """
    sample = content[:SAMPLE_BYTES]
    if not any(byte < 0x20 and chr(byte) not in _LAYOUT for byte in sample):
        return None
    for encoding, width in (
        ("utf-32-le", 4), ("utf-32-be", 4), ("utf-16-le", 2), ("utf-16-be", 2),
    ):  # fmt: skip
        whole = sample[: len(sample) // width * width]
        if _is_text(whole.decode(encoding, "replace")):
            return encoding
    return None


def _is_text(text: str) -> bool:
    if len(text) < _CHARACTERS_MIN or not text.strip():
        return False
    strange = sum(
        c == "\ufffd" or (unicodedata.category(c) in NEVER_WRITTEN and c not in _LAYOUT)
        for c in text
    )
    if strange > _STRANGE_SHARE * len(text):
        return False
    latin, *others = (len(script.findall(text)) for script in _OF_ONE_SCRIPT)
    if latin >= _ONE_SCRIPT_SHARE * len(text):
        return True
    return max(others) >= _ONE_SCRIPT_SHARE * len(text) and _BREAKS.search(text) is not None
