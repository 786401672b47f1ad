"""Raised and lowered text: in Unicode where every character has such a form, else in tags."""

from __future__ import annotations

from typing import Final

#: Stand for tags until the text is escaped: noncharacters, which no text may contain.
_MARKS: Final = {"<sup>": "\ufdd0", "</sup>": "\ufdd1", "<sub>": "\ufdd2", "</sub>": "\ufdd3"}
DOLLAR: Final = "\ufdd4"
"""Stands for a dollar sign that is escaped."""
_TAGS: Final = {mark: tag for tag, mark in _MARKS.items()} | {DOLLAR: "\\$"}
_FORMS: Final = {
    "sup": dict(zip("0123456789+-−=()ni", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ⁿⁱ", strict=True)),
    "sub": dict(zip("0123456789+-−=()ni", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎ₙᵢ", strict=True)),
}


def raised(text: str) -> str:
    """Write raised text, with marks in place of tags."""
    return _scripted(text, "sup")


def lowered(text: str) -> str:
    """Write lowered text, with marks in place of tags."""
    return _scripted(text, "sub")


def tagged(text: str) -> str:
    """Write the tags in place of their marks."""
    if not text.isascii():
        for mark, tag in _TAGS.items():
            text = text.replace(mark, tag)
    return text


def _scripted(text: str, tag: str) -> str:
    core = text.strip()
    if not core or "\n" in core:
        return text
    forms = _FORMS[tag]
    if all(character in forms for character in core):
        written = "".join(forms[character] for character in core)
    else:
        written = f"{_MARKS[f'<{tag}>']}{core}{_MARKS[f'</{tag}>']}"
    return text.replace(core, written, 1)
