"""Fields of RTF: links, symbols, and the values of form fields."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from ilios.engines.embedded import symbol_fonts
from ilios.engines.embedded.limits import ADDRESS_MAX_CHARACTERS
from ilios.engines.embedded.numerals import unsigned

_LINK = re.compile(r"\s*HYPERLINK\s+(?:\\[a-zA-Z]\s+)*(?:\"([^\"]+)\"|([^\s\"\\]\S*))")
_PAGE_NUMBER = re.compile(r"\s*(?:PAGE|NUMPAGES|SECTIONPAGES)\b")
_SYMBOL = re.compile(r"\s*SYMBOL\s+(0x[0-9a-fA-F]+|\d+)(?:.*\\f\s+\"?([^\"\\]+))?")
_UNDEFINED: Final = 25
"""What a form field says that has its default value."""


@dataclass(slots=True)
class FormField:
    """A form field of Word: a check box (1) or a list to choose from (2)."""

    kind: int = 0
    result: int = _UNDEFINED
    default: int = 0
    choices: list[str] = field(default_factory=list)

    def value(self) -> str:
        """Return what the field shows; empty for a text field, whose text follows it."""
        chosen = self.default if self.result == _UNDEFINED else self.result
        if self.kind == 1:
            return "☒" if chosen else "☐"
        if self.kind == 2 and 0 <= chosen < len(self.choices):
            return self.choices[chosen]
        return ""


def link(instruction: str) -> str | None:
    """Return the address that a HYPERLINK field leads to."""
    found = _LINK.match(instruction)
    address = (found[1] or found[2]).strip() if found else ""
    return address if 0 < len(address) <= ADDRESS_MAX_CHARACTERS else None


def is_page_number(instruction: str) -> bool:
    return _PAGE_NUMBER.match(instruction) is not None


def symbol(instruction: str) -> str:
    """Return the character of a SYMBOL field."""
    found = _SYMBOL.match(instruction)
    if found is None:
        return ""
    code = int(found[1], 0) if found[1].startswith("0x") else unsigned(found[1], 0)
    if not 0x20 < code < 0xFFFE or 0xD800 <= code < 0xE000:
        return ""
    return symbol_fonts.text((found[2] or "").strip(), chr(code))
