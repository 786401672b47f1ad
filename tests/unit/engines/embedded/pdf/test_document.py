"""PDF files: text layers, text recognition, images, limits."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from ilios.core.conversion_errors import (
    CorruptDocument,
    DocumentTooLarge,
    EncryptedDocument,
    PagesOutOfRange,
)
from ilios.engines.detection import media_types
from ilios.engines.embedded import limits
from tests.support import protected
from tests.support.sample_files import noise, pdf, picture, scan, text
from tests.unit.engines.embedded.conftest import Convert

SAMPLES = Path(__file__).parents[4] / "samples"
STORY = [
    "The harbour master wrote down every ship that came in,",
    "its name, its cargo and the weather of that morning.",
    "Nobody asked him to, and nobody ever read the books,",
    "but he kept them dry and in the order of the years.",
]
SIDEWAYS = {90: "0 1 -1 0 200 100", 180: "-1 0 0 -1 500 700", 270: "0 -1 1 0 300 780"}


def test_the_text_of_a_page_keeps_its_heading_and_its_order(convert: Convert) -> None:
    page = text("Harbour books", size=24) + text(*STORY, top=720)

    converted = convert(pdf(page), media_types.PDF)

    assert converted.markdown.startswith("# Harbour books")
    places = [converted.markdown.index(line) for line in STORY]
    assert places == sorted(places)
    assert converted.warnings == []
    assert (converted.pages[0].width, converted.pages[0].height) == (595, 842)


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_page_that_is_shown_turned_keeps_its_layout(convert: Convert, degrees: int) -> None:
    page = text(*STORY, matrix=SIDEWAYS[degrees])

    converted = convert(pdf(page, rotate=degrees), media_types.PDF)

    places = [converted.markdown.index(line) for line in STORY]
    assert places == sorted(places)
    assert converted.warnings == []


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_page_with_rotated_text_is_read(convert: Convert, degrees: int) -> None:
    converted = convert(pdf(text(*STORY), rotate=degrees), media_types.PDF)

    places = [converted.markdown.index(line) for line in STORY]
    assert places == sorted(places)
    assert converted.warnings == []


@pytest.mark.parametrize("order", [(0, 1, 2, 3, 4), (4, 3, 2, 1, 0), (2, 0, 4, 1, 3)])
def test_a_hebrew_line_is_read_from_right_to_left(convert: Convert, order: list[int]) -> None:
    letters = {chr(ord("a") + place): chr(0x05D0 + place) for place in range(27)}
    seen = ["fghi", "2024", "mklab", "cdeab", "abcd"]  # from left to right
    places = [70, 150, 230, 310, 400]
    words = b"".join(text(seen[n], left=places[n]) for n in order)

    markdown = convert(pdf(words, letters=letters), media_types.PDF).markdown

    expected = [word[::-1] if word.isalpha() else word for word in reversed(seen)]
    assert markdown == " ".join("".join(letters.get(c, c) for c in word) for word in expected)


def test_a_hebrew_phrase_in_a_latin_line_leaves_the_line_its_direction(convert: Convert) -> None:
    letters = dict(zip("abcd", "אבגד", strict=True))
    words = text("LEFT", left=70) + text("dc", left=150) + text("ba", left=190)

    markdown = convert(
        pdf(words + text("RIGHT", left=260), letters=letters), media_types.PDF
    ).markdown

    assert markdown == "LEFT אב גד RIGHT"


def test_two_columns_are_read_one_after_the_other(convert: Convert) -> None:
    left = [f"Left {place}: {line[:34]}" for place, line in enumerate(STORY * 4)]
    right = [f"Right {place}: {line[:33]}" for place, line in enumerate(STORY * 4)]

    converted = convert(
        pdf(text(*left, size=9, left=50) + text(*right, size=9, left=320)), media_types.PDF
    )

    assert converted.markdown.index("Left 15") < converted.markdown.index("Right 0")


def test_a_page_follows_as_soon_as_it_is_selected(convert: Convert) -> None:
    document = pdf(*(text(f"Page number {n}") for n in range(1, 31)))

    converted = convert(document, media_types.PDF, pages="2,29-30")

    assert (converted.counts.total, converted.counts.selected) == (30, 3)
    assert [page.index for page in converted.pages] == [1, 28, 29]
    assert [page.markdown for page in converted.pages] == [
        "Page number 2",
        "Page number 29",
        "Page number 30",
    ]


def test_a_page_beyond_the_last_one_is_refused(convert: Convert) -> None:
    with pytest.raises(PagesOutOfRange, match="has 1 page"):
        convert(pdf(text("Only page")), media_types.PDF, pages="2")


@pytest.mark.parametrize("degrees", SIDEWAYS)
def test_text_that_was_set_sideways_is_not_lost(convert: Convert, degrees: int) -> None:
    converted = convert(pdf(text(*STORY, matrix=SIDEWAYS[degrees])), media_types.PDF)

    flat = " ".join(converted.markdown.split())
    assert all(line in flat for line in STORY)


def test_a_blank_page_is_reported(convert: Convert) -> None:
    converted = convert(pdf(text("First"), b"", text("Third")), media_types.PDF)

    assert len(converted.pages) == 3
    assert converted.warnings == [("empty_page", 2)]


def test_a_scanned_page_is_read_in_any_rotation(convert: Convert) -> None:
    sheet = scan(STORY, size=(1240, 900)).rotate(180)

    converted = convert(pdf(picture(0, 400, 595, 430), image=sheet), media_types.PDF)

    flat = " ".join(converted.markdown.split())
    assert "The harbour master wrote down every ship that came in" in flat
    assert converted.image_names == []


def test_a_mixed_document_uses_the_text_layer_where_there_is_one(convert: Convert) -> None:
    scanned = picture(0, 0, 595, 842) + text("Bates 000123", size=8, top=20, left=20)

    converted = convert(
        pdf(text(*STORY * 3), scanned, image=scan(["A scanned sheet"])), media_types.PDF
    )

    assert "nobody ever read the books" in converted.pages[0].markdown
    assert "A scanned sheet" in converted.pages[1].markdown
    assert "Bates 000123" in converted.pages[1].markdown


def test_an_image_becomes_a_file_that_the_page_refers_to(convert: Convert) -> None:
    page = text(*STORY * 3) + picture(72, 100, 200, 150)

    converted = convert(pdf(page, image=noise(300, 220)), media_types.PDF)

    (image,) = converted.pages[0].images
    assert f"]({image.name})" in converted.markdown
    with Image.open(image.path) as written:
        assert written.size == (300, 220)
    assert image.bbox == pytest.approx((72, 592, 272, 742), abs=1)


def test_an_image_on_every_page_is_written_once(convert: Convert) -> None:
    page = text(*STORY * 3) + picture(72, 100, 200, 150)

    converted = convert(pdf(page, page, image=noise(300, 220)), media_types.PDF)

    (name,) = converted.image_names
    assert all(name in page.markdown for page in converted.pages)


def test_decorations_are_left_out(convert: Convert) -> None:
    page = text(*STORY * 3) + picture(72, 100, 12, 12)

    converted = convert(pdf(page, image=noise(12, 12)), media_types.PDF)

    assert converted.image_names == []
    assert "![" not in converted.markdown


def test_a_page_with_a_photo_only_says_so(convert: Convert) -> None:
    photo = Image.linear_gradient("L").resize((900, 700)).convert("RGB")

    converted = convert(pdf(picture(50, 200, 450, 350), image=photo), media_types.PDF)

    assert [code for code, _ in converted.warnings] == ["empty_page"]
    assert len(converted.image_names) == 1


def test_a_long_document_is_parsed_in_parts(convert: Convert) -> None:
    count = 5 * limits.PDF_PAGES_AT_ONCE + 1

    converted = convert(pdf(*(text(f"Sheet {n}", *STORY) for n in range(count))), media_types.PDF)

    assert [page.index for page in converted.pages] == list(range(count))
    assert all(f"Sheet {page.index}" in page.markdown for page in converted.pages)


def test_an_encrypted_pdf_asks_for_its_password(convert: Convert) -> None:
    with pytest.raises(EncryptedDocument, match="`password`"):
        convert((SAMPLES / "encrypted.pdf").read_bytes(), media_types.PDF)


@pytest.mark.parametrize("name", [*protected.PASSWORDS, "r3-owner.pdf", "r6-owner.pdf"])
def test_a_protected_pdf_is_read_as_any_other(convert: Convert, name: str) -> None:
    converted = convert(
        protected.pdf(name), media_types.PDF, password=protected.PASSWORDS.get(name)
    )

    first, second = (page.markdown for page in converted.pages)
    assert f"{protected.TEXT} 1" in first
    assert f"{protected.TEXT} 2" in second
    assert converted.warnings == []


@pytest.mark.parametrize("content", [b"%PDF-1.4\n%%EOF", b"%PDF-1.7 nothing", pdf(b"")[:200]])
def test_a_broken_pdf_is_called_corrupt(convert: Convert, content: bytes) -> None:
    with pytest.raises(CorruptDocument):
        convert(content, media_types.PDF)


def test_a_page_image_beyond_the_limit_is_refused_before_it_is_decoded(
    convert: Convert, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "RASTER_MAX_PIXELS", 10_000)
    monkeypatch.setattr(limits, "IMAGE_MAX_PIXELS", 10_000)

    with pytest.raises(DocumentTooLarge, match="Page 1 holds an image"):
        convert(pdf(picture(0, 0, 595, 842), image=noise(400, 400)), media_types.PDF)


def test_a_huge_image_is_left_out_and_the_text_is_kept(
    convert: Convert, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "IMAGE_MAX_PIXELS", 10_000)

    converted = convert(
        pdf(text(*STORY * 3) + picture(72, 100, 90, 90), image=noise(400, 400)), media_types.PDF
    )

    assert "nobody ever read the books" in converted.markdown
    assert converted.warnings == [("image_skipped", 1)]
