"""Characters of RTF documents: code pages, Unicode with fallbacks, fonts of signs."""

from __future__ import annotations

import pytest

from ilios.engines.detection import media_types
from tests.unit.engines.embedded.conftest import Convert

FONTS = (
    r"{\fonttbl{\f0\fcharset0 Calibri;}{\f1\fcharset2 Symbol;}{\f2\fcharset204 Calibri;}"
    r"{\f3\fcharset128 MS Gothic;}{\f4\fcharset2 Wingdings;}{\f5\fnil Arial CE;}}"
)


def rtf(body: str, start: str = r"\ansi\ansicpg1252\deff0") -> bytes:
    return b"{\\rtf1" + (start + FONTS + body).encode("latin-1") + b"}"


@pytest.mark.parametrize(
    ("start", "body", "shown"),
    [
        (r"\mac", r"\f9 Fran\'8dois", "François"),
        (r"\pc", r"\f9 Fran\'87ois", "François"),
        (r"\pca", r"\f9 \'9dre", "Øre"),
        (r"\ansi\ansicpg10000", r"\f9 Fran\'8dois", "François"),
        (r"\ansi\ansicpg65001", r"\f9 Fran\'c3\'a7ois", "François"),
        (r"\ansi\ansicpg99999", r"\f9 Fran\'e7ois", "François"),
        (r"\ansi\deff2", r"\'cc\'ee\'f1\'ea\'e2\'e0", "Москва"),
        (r"\ansi\deff2", r"{\f0 x\plain  \'cc\'e8\'f0}", "x Мир"),
        (r"\ansi", r"\f5 \'a3\'f3d\'9f", "Łódź"),
    ],
)
def test_bytes_are_read_in_the_encoding_that_the_document_says(
    convert: Convert, start: str, body: str, shown: str
) -> None:
    assert convert(rtf(body, start), media_types.RTF).markdown == shown


@pytest.mark.parametrize(
    "text",
    [
        r"\f3 \'83\'5c\'83\'74\'83\'67",
        r"\f3 \'83\\\'83t\'83g",
        "\\f3 \x83\\\x83t\x83g",
        "\\f3 \x83\\\\'83t\\'83\\'67",
        "\\f3 \x83\\\x83\n\\'74\x83g",
    ],
    ids=["escaped", "half escaped", "as it stands", "mixed", "broken line"],
)
def test_the_second_half_of_a_character_may_be_a_sign_of_rtf(convert: Convert, text: str) -> None:
    assert convert(rtf(text), media_types.RTF).markdown == "ソフト"


def test_characters_that_are_not_escaped_follow_the_font(convert: Convert) -> None:
    cyrillic = "Осень".encode("cp1251").decode("latin-1")

    assert convert(rtf(rf"\f2 {cyrillic}"), media_types.RTF).markdown == "Осень"


def test_a_file_in_utf_8_is_read_as_such(convert: Convert) -> None:
    content = r"{\rtf1\ansi\ansicpg1252 Smörgås für Łukasz\par}".encode()

    assert convert(content, media_types.RTF).markdown == "Smörgås für Łukasz"


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (r"\u8364 ?9", "€9"),
        (r"\uc2\u26481\'93\'8c is east", "東 is east"),
        (r"\uc0\u8364 9", "€9"),
        (r"{\u8364}9 and", "€9 and"),
        (r"\u8220\ldblquote so\u8221\rdblquote", "“so”"),
        (r"one\u8232\line two", "one\u2028  \ntwo"),
        (r"\u-10179?\u-8704?", "😀"),
        (r"\u-10179?x", "x"),
    ],
)
def test_the_fallback_of_a_unicode_character_is_skipped_and_no_more(
    convert: Convert, body: str, shown: str
) -> None:
    assert convert(rtf(body), media_types.RTF).markdown.replace("\u2028", "") == shown.replace(
        "\u2028", ""
    )


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (r"{\f1 D}t {\f1\'a3} 2", "Δt ≤ 2"),
        (r"{\f1\u-3999?} = 3", "α = 3"),
        (r"{\f4\'fd} agreed", "☒ agreed"),
        (r"{\f0\u-3913?} thing", "• thing"),
        (r'{\field{\*\fldinst SYMBOL 109 \\f "Symbol"}{\fldrslt}} metres', "μ metres"),
    ],
)
def test_fonts_of_signs_show_their_signs(convert: Convert, body: str, shown: str) -> None:
    assert convert(rtf(body), media_types.RTF).markdown == shown


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (r"6{\super 2} = 36", "6² = 36"),
        (r"H{\sub 2}O", "H₂O"),
        (r"the 3{\up6 rd} time", "the 3<sup>rd</sup> time"),
        (r"x{\dn6 k}", "x<sub>k</sub>"),
        (r"2\super 8\nosupersub  bits", "2⁸ bits"),
        (r"2\super 8\plain  bits", "2⁸ bits"),
        (r"{\up1 level}", "level"),
    ],
)
def test_raised_and_lowered_text_stays_so(convert: Convert, body: str, shown: str) -> None:
    assert convert(rtf(body), media_types.RTF).markdown == shown
