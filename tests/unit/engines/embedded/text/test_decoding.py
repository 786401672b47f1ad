"""The encodings of text files, and what is not text."""

from __future__ import annotations

import io
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ilios.core.conversion_errors import (
    CorruptDocument,
    DocumentTooLarge,
    EmptyDocument,
)
from ilios.engines.detection import media_types
from ilios.engines.embedded import limits
from ilios.engines.embedded.text.decoding import decoded
from tests.unit.engines.embedded.conftest import Convert

WIDE = ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "mac_roman", *WIDE])
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


SENTENCES = {
    "Das Fahrrad gehört dem Bürgermeister, die Straße nicht.": "cp1252 mac_roman cp850",
    "La forêt était déjà là quand le maçon arriva en août.": "cp1252 mac_roman cp850",
    "Łódź leży w środku kraju, a żółte tramwaje jeżdżą często.": "cp1250 iso8859-2 cp852",
    "Tři sta třicet tři křepelek přeletělo přes řeku.": "cp1250 iso8859-2 cp852",
    "Az öreg hídon túl egy szűk utcában lakik a csizmadia, aki sűrűn énekel.": "cp1250",
    "Сегодня утром поезд опоздал на двадцать минут.": "cp1251 koi8-r cp866 mac_cyrillic",
    "Το πλοίο φεύγει από τον Πειραιά κάθε πρωί.": "cp1253 iso8859-7",
    "Yağmur yüzünden vapur seferleri iptal edildi, şimdi güneş açtı.": "cp1254",
    "הרכבת האחרונה לחיפה יוצאת בחצות.": "cp1255",
    "يغادر القطار الأخير في منتصف الليل.": "cp1256",
    "รถไฟขบวนสุดท้ายออกเที่ยงคืน": "cp874",
    "終電は午前零時に出発します。切符は駅で買えます。": "cp932 euc_jp iso2022_jp",
    "末班火车在午夜出发，车票可以在车站购买。": "gb18030",
    "末班火車在午夜出發，車票可以在車站購買。": "big5",
    "마지막 기차는 자정에 출발합니다. 표는 역에서 살 수 있습니다.": "cp949",
}


@pytest.mark.parametrize(
    ("text", "encoding"),
    [(text, encoding) for text, names in SENTENCES.items() for encoding in names.split()],
)
def test_a_sentence_tells_its_code_page(convert: Convert, text: str, encoding: str) -> None:
    content = text.encode(encoding)

    assert media_types.sniff(io.BytesIO(content), "sentence.txt") == media_types.PLAIN
    assert convert(content, media_types.PLAIN).markdown == text


@pytest.mark.parametrize(
    "text", ["Kilén pâté", "“Well” – it’s 5 € …", "Perché no?", "São Tomé", "20 °C ± 3"]
)
def test_a_few_accents_are_those_of_western_windows(convert: Convert, text: str) -> None:
    padding = "The rest of the page is in English. "

    assert convert((padding + text).encode("cp1252"), media_types.PLAIN).markdown == padding + text


@pytest.mark.parametrize(
    "text",
    [
        "It’s what we don’t know, and can’t.",
        "Ég vil fá að sjá þetta á íslensku núna.",
        "Zgjidhni një gjuhë për këtë faqe, ju lutem.",
    ],
)
def test_what_seldom_leaves_ascii_is_western(convert: Convert, text: str) -> None:
    assert convert(text.encode("cp1252"), media_types.PLAIN).markdown == text


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize(("broken", "shown"), [(b"\xfe", "þ"), (b"\xe9", "é"), (b"\x81", "\ufffd")])
def test_a_byte_that_is_no_utf8_costs_that_character_and_is_told(
    convert: Convert, mark: bytes, broken: bytes, shown: str
) -> None:
    content = mark + "Zwölf Boxkämpfer jagen Viktor quer über den Sylter Deich ".encode() * 4

    converted = convert(content + broken + b" ende", media_types.PLAIN)

    assert converted.markdown.startswith("Zwölf Boxkämpfer")
    assert converted.markdown.endswith(f"Deich {shown} ende")
    assert converted.warnings == [("low_confidence", 1)]
    assert "One byte" in converted.pages[0].warnings[0].message


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (text, encoding)
        for text, names in SENTENCES.items()
        for encoding in names.split()
        if encoding in ("cp932", "euc_jp", "gb18030", "big5", "cp949", "cp1251", "koi8-r")
    ],
)
def test_a_broken_character_does_not_hide_the_code_page(
    convert: Convert, text: str, encoding: str
) -> None:
    line = text.encode(encoding) + b"\n\n"

    assert convert(line * 4 + b"\x81 \n\n" + line, media_types.PLAIN).markdown.count(text) == 5


def test_names_with_accents_amid_lists_of_letters_stay_latin(convert: Convert) -> None:
    text = "März, Anhänge, zuständig\nLetters: ä â à á ã å æ, ç, é è ë ê, î ï"

    assert "Anhänge" in convert(text.encode("cp1252"), media_types.PLAIN).markdown


def test_a_table_tells_of_bytes_that_are_not_of_its_encoding(convert: Convert) -> None:
    rows = "Straße,Größe\nÜberweg,12\n" * 5

    converted = convert(rows.encode() + b"x\xff,1\n", media_types.CSV)

    assert "| Straße | Größe |" in converted.markdown
    assert converted.warnings == [("low_confidence", 1)]


def test_accents_far_behind_are_looked_at(convert: Convert) -> None:
    text = "Plain words.\n" * 20_000 + "Gęślą jaźń, zażółć!"

    assert convert(text.encode("cp1250"), media_types.MARKDOWN).markdown == text


def test_a_text_that_begins_like_a_bitmap_is_a_text(convert: Convert) -> None:
    text = "BM è più di una sigla, così si dice"

    assert convert(text.encode("cp1252"), media_types.PLAIN).markdown == text


@given(st.lists(st.sampled_from(" ".join(SENTENCES).split()), min_size=4, max_size=40))
@settings(deadline=None, max_examples=40)
def test_what_is_written_in_unicode_is_read_in_unicode(words: list[str]) -> None:
    text = " ".join(words)

    for encoding in ("utf-8", "utf-16", "utf-32"):
        assert decoded(text.encode(encoding)) == text


@given(st.binary(max_size=400))
@settings(deadline=None, max_examples=60)
def test_any_bytes_are_decoded_in_some_way(content: bytes) -> None:
    assert isinstance(decoded(content), str)


@pytest.mark.parametrize("letter", ["ж", "é", "終", "ü "])
@pytest.mark.parametrize("encoding", ["cp1251", "cp1252", "cp932"])
def test_endless_words_take_no_time(letter: str, encoding: str) -> None:
    content = letter.encode(encoding, "replace") * 500_000
    started = time.process_time()

    decoded(b"\x81\xff" + content)

    assert time.process_time() - started < 5
