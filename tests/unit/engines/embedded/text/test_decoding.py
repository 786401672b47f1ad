"""The encodings of text files, and what is not text."""

from __future__ import annotations

import pytest

from ilios.core.conversion_errors import (
    CorruptDocument,
    DocumentTooLarge,
    EmptyDocument,
)
from ilios.engines.detection import media_types
from ilios.engines.embedded import limits
from tests.unit.engines.embedded.conftest import Convert


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_text_is_decoded_whatever_its_encoding(convert: Convert, encoding: str) -> None:
    content = "Müller aß im Café\n".encode(encoding)

    assert convert(content, media_types.PLAIN).markdown == "Müller aß im Café"


def test_cyrillic_of_old_windows_is_not_taken_for_that_of_a_macintosh(convert: Convert) -> None:
    text = "Это русский текст в старой кодировке. Он состоит из нескольких предложений."

    assert convert(text.encode("cp1251"), media_types.PLAIN).markdown == text


@pytest.mark.parametrize(
    "text", ["می\u200cخواهم", "見出し\u3000本文\u3000終", "👨\u200d👩\u200d👧"]
)
def test_joiners_and_wide_spaces_do_not_make_a_text_binary(convert: Convert, text: str) -> None:
    assert convert(text.encode(), media_types.PLAIN).markdown == text


@pytest.mark.parametrize(
    "media_type",
    [media_types.PLAIN, media_types.MARKDOWN, media_types.CSV, media_types.HTML, media_types.RTF],
)
def test_white_space_alone_is_an_empty_document(convert: Convert, media_type: str) -> None:
    with pytest.raises(EmptyDocument):
        convert(b" \n\t\n", media_type)


@pytest.mark.parametrize("media_type", [media_types.PLAIN, media_types.CSV])
def test_bytes_that_are_no_text_are_called_corrupt(convert: Convert, media_type: str) -> None:
    with pytest.raises(CorruptDocument):
        convert(bytes(range(1, 32)) * 40, media_type)


def test_a_text_beyond_the_limit_is_refused(
    convert: Convert, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "TEXT_MAX_BYTES", 10)

    with pytest.raises(DocumentTooLarge):
        convert(b"eleven bytes", media_types.PLAIN)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"caf\xe9 na\xefve", "café naïve"),
        ("Привет, как дела сегодня?".encode("cp1251"), "Привет, как дела сегодня?"),
    ],
)
def test_a_short_text_without_a_mark_is_read_in_its_code_page(
    convert: Convert, content: bytes, text: str
) -> None:
    assert convert(content, media_types.PLAIN).markdown == text
