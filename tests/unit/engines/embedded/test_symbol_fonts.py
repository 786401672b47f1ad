"""Signs of symbol fonts."""

from __future__ import annotations

import pytest

from ilios.engines.embedded import symbol_fonts


@pytest.mark.parametrize(
    ("font", "code", "sign"),
    [
        ("Symbol", 0x61, "α"),
        ("symbol", 0xF0A3, "≤"),
        ("Wingdings", 0x6F, "☐"),
        ("Wingdings 2", 0xF053, "☒"),
        ("Wingdings 3", 0x20, " "),
        ("Symbol", 0x80, "\ufffd"),
        ("Symbol", 0x4E00, "一"),
        ("Times", 0x61, "a"),
        ("", 0xF0B7, "•"),
        ("", 0xF0FC, "✓"),
    ],
)
def test_a_code_is_the_sign_that_its_font_shows(font: str, code: int, sign: str) -> None:
    assert symbol_fonts.sign(font, code) == sign


def test_only_private_codes_are_signs_in_fonts_that_are_not_known() -> None:
    assert symbol_fonts.text("Arial", "a\uf0b0") == "a°"
    assert symbol_fonts.text("Symbol", "W") == "Ω"
