"""Lines of headers and footers that do nothing but count pages."""

from __future__ import annotations

from typing import Final

_LETTERS_BESIDE_NUMBER: Final = 12
"""So many letters beside the number of the page are words such as `Page … of …`."""


def says_more(rest: str) -> bool:
    """Return whether a line says something beside the number of the page."""
    letters = sum(character.isalpha() for character in rest)
    return letters > _LETTERS_BESIDE_NUMBER or any(character.isdigit() for character in rest)
