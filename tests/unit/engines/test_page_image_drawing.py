"""Pictures of pages: what they show, how large they are, and which files they are refused of."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from ilios.core.conversion_errors import CorruptDocument, DocumentTooLarge, EncryptedDocument
from ilios.engines import page_image, parser_messages
from ilios.engines.detection import media_types
from ilios.engines.embedded import limits
from tests.support import sample_files
from tests.support.forking import REPOSITORY
from tests.unit.engines.pdf_forms import form

BAR = b"0 0 0 rg 100 742 40 40 re f\n"  #: a black square near the top left corner of an A4 page
RED_BAR = b"1 0 0 rg 100 742 40 40 re f\n"
TWO_PAGES = sample_files.pdf(BAR, sample_files.text("two"))


@pytest.fixture
def original(tmp_path: Path) -> Path:
    return tmp_path / "original"


def drawn(
    original: Path,
    content: bytes,
    media_type: str = media_types.PDF,
    *,
    index: int = 0,
    width: int = 595,
) -> Image.Image:
    """Return the picture as a client gets it."""
    original.write_bytes(content)
    target = original.with_name("drawn.png")
    (answer,) = page_image.answer(page_image.task(original, media_type, index, width, target))
    assert page_image.pages_without(answer) is None
    with Image.open(target) as picture:
        assert picture.format == "PNG"
        picture.load()
        return picture


def dark_box(picture: Image.Image) -> tuple[int, int, int, int]:
    """Return where a picture is not white, within a pixel or two."""
    box = picture.convert("L").point(lambda level: 255 * (level < 128)).getbbox()
    assert box
    return box


def is_near(found: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    return all(abs(one - other) <= 2 for one, other in zip(found, wanted, strict=True))


@pytest.mark.parametrize("width", [200, 595, 1000, 1999, 2000])
def test_a_page_is_as_wide_as_was_asked_for(original: Path, width: int) -> None:
    picture = drawn(original, TWO_PAGES, width=width)

    assert picture.width == width
    assert abs(picture.height - width * 842 / 595) < 2
    part = width / 595
    assert is_near(dark_box(picture), tuple(round(side * part) for side in (100, 60, 140, 100)))


@pytest.mark.parametrize(
    ("rotate", "size", "box"),
    [
        (90, (842, 595), (742, 100, 782, 140)),
        (180, (595, 842), (455, 742, 495, 782)),
        (270, (842, 595), (60, 455, 100, 495)),
    ],
)
def test_a_page_is_turned_as_it_is_shown(
    original: Path, rotate: int, size: tuple[int, int], box: tuple[int, ...]
) -> None:
    picture = drawn(original, sample_files.pdf(BAR, rotate=rotate), width=size[0])

    assert is_near(picture.size, size)
    assert is_near(dark_box(picture), box)


def test_a_cropped_page_is_drawn_as_it_is_cropped(original: Path) -> None:
    content = sample_files.pdf(BAR, page=b"/CropBox[90 700 190 800]")

    picture = drawn(original, content, width=200)

    assert is_near(picture.size, (200, 200))
    assert is_near(dark_box(picture), (20, 36, 100, 116))


def test_colours_are_kept_and_a_picture_without_them_takes_one_channel(original: Path) -> None:
    assert drawn(original, sample_files.pdf(RED_BAR)).getpixel((120, 80)) == (255, 0, 0)
    assert drawn(original, TWO_PAGES).mode == "L"


@pytest.mark.parametrize("is_drawn", [True, False])
def test_what_was_filled_in_is_drawn(original: Path, is_drawn: bool) -> None:
    picture = drawn(original, form(1, drawn=is_drawn))

    assert dark_box(picture.crop((120, 123, 320, 148)))


def test_a_protected_pdf_is_refused(original: Path) -> None:
    protected = (REPOSITORY / "tests" / "samples" / "encrypted.pdf").read_bytes()

    with pytest.raises(EncryptedDocument, match="protected by a password"):
        drawn(original, protected)


def test_a_page_that_is_many_times_as_high_as_wide_is_narrower(
    original: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "PAGE_IMAGE_MAX_PIXELS", 250_000)

    picture = drawn(original, TWO_PAGES, width=2000)

    assert 200_000 < picture.width * picture.height <= 260_000
    assert abs(picture.height / picture.width - 842 / 595) < 0.01


def test_beyond_the_last_page_it_is_told_how_many_there_are(original: Path) -> None:
    original.write_bytes(TWO_PAGES)
    target = original.with_name("drawn.png")

    (answer,) = page_image.answer(page_image.task(original, media_types.PDF, 2, 595, target))

    assert page_image.pages_without(answer) == 2
    assert not target.exists()


def test_what_a_child_should_not_say_is_no_answer() -> None:
    with pytest.raises(type(parser_messages.no_answer())):
        page_image.pages_without({"type": "beyond", "pages": "many"})


@pytest.mark.parametrize(
    ("media_type", "kind"),
    [
        (media_types.PNG, "PNG"),
        (media_types.JPEG, "JPEG"),
        (media_types.WEBP, "WEBP"),
        (media_types.GIF, "GIF"),
        (media_types.BMP, "BMP"),
        (media_types.AVIF, "AVIF"),
        (media_types.JP2, "JPEG2000"),
        (media_types.TIFF, "TIFF"),
    ],
)
def test_an_image_is_reduced(original: Path, media_type: str, kind: str) -> None:
    scan = sample_files.scan(["Herons"], (1240, 1754))

    picture = drawn(original, sample_files.encoded(scan, kind), media_type, width=310)

    assert is_near(picture.size, (310, 438))
    left, top, *_ = dark_box(picture)
    assert 24 <= left <= 30
    assert 24 <= top <= 32


def test_a_small_image_is_not_enlarged(original: Path) -> None:
    content = sample_files.encoded(sample_files.scan(["Herons"], (300, 200)), "PNG")

    assert drawn(original, content, media_types.PNG, width=1000).size == (300, 200)


def test_a_photo_is_turned_as_its_exif_data_say(original: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    buffer = io.BytesIO()
    sample_files.scan(["Herons"], (1000, 300)).rotate(90, expand=True).save(
        buffer, "JPEG", exif=exif
    )

    picture = drawn(original, buffer.getvalue(), media_types.JPEG, width=500)

    assert picture.size == (500, 150)


def test_each_frame_of_a_tiff_is_a_page(original: Path) -> None:
    frames = [Image.new("RGB", (400, 300), colour) for colour in ("red", "blue")]
    buffer = io.BytesIO()
    frames[0].save(buffer, "TIFF", save_all=True, append_images=frames[1:])

    picture = drawn(original, buffer.getvalue(), media_types.TIFF, index=1, width=200)

    assert (picture.size, picture.getpixel((9, 9))) == ((200, 150), (0, 0, 255))


def test_what_is_transparent_is_white(original: Path) -> None:
    image = Image.new("RGBA", (300, 300), (0, 0, 0, 0))
    image.paste((255, 0, 0, 255), (100, 100, 200, 200))

    picture = drawn(original, sample_files.encoded(image, "PNG"), media_types.PNG)

    assert (picture.getpixel((9, 9)), picture.getpixel((150, 150))) == (
        (255, 255, 255),
        (255, 0, 0),
    )


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (b"%PDF-1.7 and nothing more", media_types.PDF),
        (b"\x89PNG\r\n\x1a\n and nothing more", media_types.PNG),
        (sample_files.encoded(sample_files.noise(300, 300), "PNG")[:20_000], media_types.PNG),
    ],
)
def test_a_damaged_file_is_told(original: Path, content: bytes, media_type: str) -> None:
    with pytest.raises(CorruptDocument):
        drawn(original, content, media_type)


@pytest.mark.parametrize("media_type", [media_types.PDF, media_types.PNG])
def test_too_many_pixels_are_refused_before_they_are_decoded(
    original: Path, media_type: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "RASTER_MAX_PIXELS", 1_000_000)
    scan = sample_files.scan(["Herons"])
    content = (
        sample_files.pdf(sample_files.picture(0, 0, 595, 842), image=scan)
        if media_type == media_types.PDF
        else sample_files.encoded(scan, "PNG")
    )

    with pytest.raises(DocumentTooLarge, match="million"):
        drawn(original, content, media_type)
