"""The encodings of web pages: declared, declared wrongly, not declared."""

from __future__ import annotations

import pytest

from ilios.engines.embedded.web.html.decoding import decoded_page


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("shift_jis", "①の会議録です"),
        ("gb2312", "镕基先生的讲话"),
        ("iso-8859-1", "“Zürich” – 5 €"),
        ("euc-kr", "펲시콜라 광고"),
        ("iso-2022-jp", "会議録です"),
        ("windows-1250", "Košice, Łódź"),
    ],
)
def test_a_page_is_decoded_as_browsers_read_its_declaration(encoding: str, text: str) -> None:
    larger = {"shift_jis": "cp932", "gb2312": "gb18030", "iso-8859-1": "cp1252", "euc-kr": "cp949"}
    page = f'<meta charset="{encoding}"><p>{text}</p>'.encode(larger.get(encoding, encoding))

    assert text in decoded_page(page)


def test_the_declaration_of_xml_counts_too() -> None:
    page = '<?xml version="1.0" encoding="ISO-8859-2"?><p>Łódź</p>'.encode("iso-8859-2")

    assert "Łódź" in decoded_page(page)


def test_a_page_that_says_utf8_and_is_not_is_read_as_what_it_is() -> None:
    text = "هذه صفحة قديمة من الموقع كتبت قبل سنوات طويلة بلغة عربية واضحة " * 5
    page = f'<meta charset="utf-8"><p>{text}</p>'.encode("cp1256")

    assert "صفحة قديمة" in decoded_page(page)


def test_a_page_in_utf8_with_one_bad_byte_stays_utf8() -> None:
    page = '<meta charset="utf-8"><p>Müller, Jägers, Größe, Öl, Übung, Maß'.encode() + b"\xff</p>"

    assert "Müller, Jägers" in decoded_page(page)


def test_a_declaration_that_its_own_bytes_refute_is_not_believed() -> None:
    page = '<meta charset="utf-16"><p>Zürich</p>'.encode("cp1252")

    assert "Zürich" in decoded_page(page)
