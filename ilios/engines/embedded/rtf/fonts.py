"""Fonts of an RTF document: in which encoding each is written, and which of them show signs."""

from __future__ import annotations

import codecs

from ilios.engines.embedded import symbol_fonts
from ilios.engines.embedded.rtf.vocabulary import (
    CODE_PAGES,
    CODE_PAGES_BY_NUMBER,
    CODE_PAGES_BY_SUFFIX,
    DOCUMENT_CODE_PAGES,
)

_DEFAULT = 1  #: the character set of fonts that follow the document's code page
NAME_MAX_CHARACTERS = 200


class RtfFonts:
    """What is known of the fonts, by their numbers."""

    def __init__(self) -> None:
        self.document_encoding = "cp1252"
        self._named: dict[int, str] = {}
        self._charsets: dict[int, int] = {}
        self._code_pages: dict[int, str] = {}
        self._encodings: dict[int, str] = {}

    def set_document_encoding(self, word: str, number: int | None) -> None:
        """Take `\\ansi`, `\\mac`, `\\pc`, `\\pca` or `\\ansicpg` with its number."""
        self.document_encoding = DOCUMENT_CODE_PAGES.get(word) or code_page(number or 0)
        self._encodings.clear()

    def set_charset(self, font: int, charset: int) -> None:
        self._charsets[font] = charset
        self._encodings.pop(font, None)

    def set_code_page(self, font: int, number: int) -> None:
        self._code_pages[font] = code_page(number)
        self._encodings.pop(font, None)

    def add_to_name(self, font: int, text: str) -> None:
        """Take the next characters of a font's name, which ends at a semicolon."""
        name = self._named.get(font, "")
        if not name.endswith(";") and len(name) < NAME_MAX_CHARACTERS:
            self._named[font] = name + text.partition(";")[0] + (";" if ";" in text else "")
            self._encodings.pop(font, None)

    def encoding(self, font: int) -> str:
        """Return the encoding of text in a font."""
        found = self._encodings.get(font)
        if found is None:
            found = self._encodings[font] = self._found_encoding(font)
        return found

    def symbol_font(self, font: int) -> str:
        """Return the name of a font that shows signs instead of letters; else an empty string."""
        name = self._name(font)
        return name if symbol_fonts.is_symbol_font(name) else ""

    def _name(self, font: int) -> str:
        return self._named.get(font, "").rstrip(";").strip()

    def _found_encoding(self, font: int) -> str:
        if font in self._code_pages:
            return self._code_pages[font]
        charset = self._charsets.get(font, _DEFAULT)
        if charset in (0, _DEFAULT):
            suffix = self._name(font).rpartition(" ")[2].casefold()
            usual = self.document_encoding if charset == _DEFAULT else CODE_PAGES[0]
            return CODE_PAGES_BY_SUFFIX.get(suffix, usual)
        return CODE_PAGES.get(charset, self.document_encoding)


def code_page(number: int) -> str:
    """Return Python's name of a code page; Windows' Western one if the number is not known."""
    name = CODE_PAGES_BY_NUMBER.get(number, f"cp{number}")
    try:
        codecs.lookup(name)
    except LookupError:
        return "cp1252"
    return name
