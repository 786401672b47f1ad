"""Control words and symbols of RTF that concern the text."""

from __future__ import annotations

from typing import Final

_IGNORED_WORDS: Final = (
    "colortbl info generator rsidtbl themedata colorschememapping latentstyles datastore "
    "xmlnstbl pgptbl filetbl revtbl operator doccomm objdata nonshppict mmathPr fldtype atnid "
    "bkmkstart bkmkend wgrffmtfilter pnseclvl blipuid shprslt xe tc tcn rxe txe nonesttables "
    "ftnsep ftnsepc ftncn aftnsep aftnsepc aftncn listpicture listname ffname ffdeftext ffhelptext "
    "ffstattext ffformat factoidname ffentrymcr ffexitmcr mmathPict levelnumbers falt panose"
)
IGNORED: Final = frozenset(_IGNORED_WORDS.split())
"""Destinations whose text is not part of the document's."""

SIGNS: Final = {
    "tab": " ",
    "line": "\n",
    "lbr": "\n",
    "column": "\n",
    "lquote": "‘",
    "rquote": "’",
    "ldblquote": "“",
    "rdblquote": "”",
    "endash": "–",
    "emdash": "—",
    "bullet": "•",
    "enspace": " ",
    "emspace": " ",
    "qmspace": " ",
    "zwj": "\u200d",
    "zwnj": "\u200c",
    "ltrmark": "\u200e",
    "rtlmark": "\u200f",
}
BREAKS: Final = frozenset(("tab", "line", "lbr", "column"))
"""Signs that separate text: never a fallback for a Unicode character."""
SYMBOLS: Final = {"~": " ", "_": "\u2011", "\\": "\\", "{": "{", "}": "}", "\t": " "}

CODE_PAGES: Final = {
    0: "cp1252",
    77: "mac_roman",
    78: "shift_jis",
    79: "euc_kr",
    80: "gb2312",
    81: "big5",
    85: "mac_greek",
    86: "mac_turkish",
    87: "cp874",
    88: "mac_latin2",
    89: "mac_cyrillic",
    128: "cp932",
    129: "cp949",
    130: "johab",
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
    254: "cp437",
    255: "cp850",
}
"""Encodings by the number of a font's character set."""

CODE_PAGES_BY_NUMBER: Final = {
    708: "cp1256",
    819: "latin_1",
    936: "gbk",
    1361: "johab",
    10000: "mac_roman",
    10001: "shift_jis",
    10006: "mac_greek",
    10007: "mac_cyrillic",
    10029: "mac_latin2",
    10079: "mac_iceland",
    10081: "mac_turkish",
    20866: "koi8_r",
    28591: "latin_1",
    28592: "iso8859_2",
    65001: "utf_8",
}
"""Encodings by numbers of `\\ansicpg` and `\\cpg` that Python does not know as `cp…`."""

CODE_PAGES_BY_SUFFIX: Final = {
    "cyr": "cp1251",
    "ce": "cp1250",
    "greek": "cp1253",
    "tur": "cp1254",
    "(hebrew)": "cp1255",
    "(arabic)": "cp1256",
    "baltic": "cp1257",
    "(vietnamese)": "cp1258",
}
"""Encodings by the last word of a font's name, as in `Arial CE`: older than character sets."""

DOCUMENT_CODE_PAGES: Final = {
    "ansi": "cp1252",
    "mac": "mac_roman",
    "pc": "cp437",
    "pca": "cp850",
}
"""Encodings of a whole document, by the words at its start."""
