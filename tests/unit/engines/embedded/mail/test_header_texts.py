"""The texts of fields: encoded words, bytes as they are, lies about the encoding, dates."""

from __future__ import annotations

import base64
import zlib

import pytest

from ilios.engines.embedded.mail.header_texts import date_text, field_text, text_of
from ilios.engines.embedded.mail.limits import FIELD_MAX_CHARACTERS


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("Plain words", "Plain words"),
        ("=?utf-8?q?Gr=C3=BC=C3=9Fe?= an alle", "Grüße an alle"),
        (
            "=?ISO-8859-1?Q?Patrik_F=E4ltstr=F6m?= <p@example.com>",
            "Patrik Fältström <p@example.com>",
        ),
        ("=?utf-8?b?5pel5pys6Kqe?=\r\n =?utf-8?b?44Gn44GZ?=", "日本語です"),
        ("=?utf-8?b?5pel5pys6Kq?=\r\n =?utf-8?b?nueahA==?=", "日本語的"),
        ("=?utf-8?b?5pel5pw=?= =?utf-8?b?rOiqng==?=", "日本語"),
        ("=?utf-8*de?q?M=C3=A4rz?=", "März"),
        ("a =?utf-8?q?b?= c =?utf-8?q?d?=", "a b c d"),
        ("=?x-unknown?q?caf=C3=A9?=", "café"),
        ("=?punycode?q?Mnchen-3ya?=", "Mnchen-3ya"),
        ("=?utf-8?b?!!!!?=", ""),
        ("=?utf-8?q?never ended", "=?utf-8?q?never ended"),
        ("folded\r\n\tline", "folded line"),
        ("caf\udcc3\udca9", "café"),
        ("Größe", "Größe"),
        ("", ""),
    ],
)
def test_a_field_says_what_its_words_say(raw: str, expected: str) -> None:
    assert field_text(raw) == expected


def test_what_unpacks_bytes_is_no_charset() -> None:
    packed = base64.b64encode(zlib.compress(b"secret" * 100)).decode()

    assert "secret" not in field_text(f"=?zlib?b?{packed}?=")


def test_of_a_long_field_the_beginning_is_read() -> None:
    assert len(field_text("a" * (2 * FIELD_MAX_CHARACTERS))) == FIELD_MAX_CHARACTERS


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("Wed, 01 May 2024 14:03:05 +0200", "2024-05-01T14:03:05+02:00"),
        ("1 May 2024 14:03 GMT (Greenwich)", "2024-05-01T14:03:00+00:00"),
        ("soon", ""),
        ("Wed, 99 May 2024 14:03:05 +0200", ""),
        ("Wed, 01 May 2024 14:03:05 +999999999999", ""),
        ("", ""),
    ],
)
def test_a_date_is_told_in_one_form(raw: str, expected: str) -> None:
    assert date_text(raw) == expected


@pytest.mark.parametrize(
    ("content", "charset", "expected"),
    [
        ("Grüße".encode("cp1252"), "windows-1252", "Grüße"),
        ("Grüße".encode(), "us-ascii", "Grüße"),
        ("Grüße".encode(), "utf-16", "Grüße"),
        ("Grüße".encode("utf-7"), "utf-7", "Grüße"),
        ("Grüße".encode(), "", "Grüße"),
        ("日本".encode("iso-2022-jp"), "iso-2022-jp", "日本"),
        (b"x", "a\0b", "x"),
        (b"", "latin-1", ""),
    ],
)
def test_bytes_are_read_as_they_look_where_their_charset_lies(
    content: bytes, charset: str, expected: str
) -> None:
    assert text_of(content, charset) == expected
