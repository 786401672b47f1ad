"""Control words and symbols of RTF that concern the text."""

from __future__ import annotations

from typing import Final

_IGNORED_WORDS: Final = (
    "colortbl info generator header headerl headerr headerf footer footerl footerr footerf "
    "listtable listoverridetable rsidtbl themedata colorschememapping latentstyles datastore "
    "xmlnstbl pgptbl filetbl revtbl operator doccomm objdata nonshppict mmathPr fldtype atnid "
    "atnauthor annotation bkmkstart bkmkend wgrffmtfilter pnseclvl sp picprop blipuid shprslt"
)
IGNORED: Final = frozenset(_IGNORED_WORDS.split())
"""Destinations whose text is not part of the document's."""

SIGNS: Final = {
    "tab": " ",
    "line": "\n",
    "lquote": "‘",
    "rquote": "’",
    "ldblquote": "“",
    "rdblquote": "”",
    "endash": "–",
    "emdash": "—",
    "bullet": "•",
    "enspace": " ",
    "emspace": " ",
}
SYMBOLS: Final = {"~": " ", "-": "", "_": "\u2011", "\\": "\\", "{": "{", "}": "}", "\n": "\n"}

CODE_PAGES: Final = {
    0: "cp1252",
    77: "mac_roman",
    128: "cp932",
    129: "cp949",
    134: "gbk",
    136: "cp950",
    161: "cp1253",
    162: "cp1254",
    163: "cp1258",
    177: "cp1255",
    178: "cp1256",
    186: "cp1257",
    204: "cp1251",
    222: "cp874",
    238: "cp1250",
}
"""Encodings by the number of a font's character set."""
