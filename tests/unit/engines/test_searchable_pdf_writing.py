"""PDFs that can be searched: what is written onto which pages, and where it is read from."""

from __future__ import annotations

import errno
import io
from pathlib import Path
from typing import Any

import numpy as np
import pypdfium2 as pdfium
import pytest
from PIL import Image

from ilios.core.conversion_errors import CorruptDocument, DiskFull, DocumentTooLarge
from ilios.engines import searchable_pdf_writing, text_layers
from ilios.engines.detection import media_types
from ilios.engines.embedded import limits
from ilios.engines.page_structure import Box
from ilios.engines.page_texts import Made, PageText
from tests.support import sample_files

A4 = (595, 842)
LINE: Box = (100, 200, 300, 220)
SCRIPTS = "Größe Ω Привет 東京 𝒳 😀"


def scan(rotate: int = 0, *, stamp: str = "") -> bytes:
    """Return a PDF whose page is one picture."""
    drawing = sample_files.picture(0, 0, *A4) + (sample_files.text(stamp) if stamp else b"")
    return sample_files.pdf(drawing, image=sample_files.scan(["Herons"]), rotate=rotate)


def page_text(
    *lines: tuple[str, Box],
    index: int = 0,
    size: tuple[float, float] = A4,
    dpi: int | None = None,
    turns: int = 0,
    has_blocks: bool = True,
) -> PageText:
    return PageText(index, *size, dpi, turns, has_blocks, list(lines))


class Desk:
    """Where PDFs are made in a test."""

    def __init__(self, folder: Path) -> None:
        self.original = folder / "original"
        self.made = folder / "made.pdf"
        self._texts = folder / "texts"

    def make(self, content: bytes, *pages: PageText, media_type: str = media_types.PDF) -> Made:
        self.original.write_bytes(content)
        self._texts.write_text("".join(page.as_json() for page in pages))
        return searchable_pdf_writing.write(self.original, media_type, self._texts, self.made)

    def words(self, index: int = 0) -> str:
        with pdfium.PdfDocument(self.made) as pdf:
            return " ".join(pdf[index].get_textpage().get_text_range().split())

    def box_of(self, word: str) -> Box:
        """Return where a word stands as its page is shown."""
        with pdfium.PdfDocument(self.made) as pdf:
            page = pdf[0]
            text_page = page.get_textpage()
            start = text_page.get_text_range().index(word)
            boxes = [text_page.get_charbox(start + place) for place in range(len(word))]
            shown = [
                _shown(page, x, y)
                for left, bottom, right, top in boxes
                for x, y in ((left, bottom), (right, top))
            ]
        across, down = zip(*shown, strict=True)
        return min(across), min(down), max(across), max(down)

    def picture(self, path: Path) -> Any:
        with pdfium.PdfDocument(path) as pdf:
            return pdf[0].render().to_numpy().copy()


def _shown(page: Any, x: float, y: float) -> tuple[float, float]:
    """Return a place in points from the top left of the page as it is shown."""
    width, height = page.get_size()
    left, bottom, right, top = page.get_cropbox()
    match page.get_rotation():
        case 90:
            return y - bottom, x - left
        case 180:
            return right - x, y - bottom
        case 270:
            return width - (y - bottom), height - (x - left)
    return x - left, top - y


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_text_is_read_from_a_scan_and_not_seen(desk: Desk) -> None:
    made = desk.make(scan(), page_text((SCRIPTS, LINE), ("second line", (100, 230, 200, 242))))

    assert made == Made(is_changed=True)
    assert desk.words() == f"{SCRIPTS} second line"
    assert np.array_equal(desk.picture(desk.made), desk.picture(desk.original))


@pytest.mark.parametrize(
    ("number", "expected"),
    [(errno.ENOSPC, DiskFull), (errno.EIO, OSError)],
)
def test_what_cannot_be_written_is_told(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, number: int, expected: type[Exception]
) -> None:
    write = searchable_pdf_writing._Output.write

    class Full(io.RawIOBase):
        def write(self, _: Any) -> int:
            raise OSError(number, "")

    def write_to_full(output: Any, block: Any) -> None:
        output._file = Full()
        write(output, block)

    monkeypatch.setattr(searchable_pdf_writing._Output, "write", write_to_full)

    with pytest.raises(expected):
        desk.make(scan(), page_text(("words", LINE)))


def test_a_pdf_that_is_not_read_again_is_given_as_it_was(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searchable_pdf_writing._Output, "write", lambda *_: None)

    assert desk.make(scan(), page_text(("words", LINE))) == Made(is_changed=False)


def test_a_pdf_that_becomes_much_larger_is_refused(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searchable_pdf_writing, "ADDED_MAX_BYTES", 1_000)

    with pytest.raises(DocumentTooLarge, match="much larger"):
        desk.make(scan(), page_text(("words", LINE)))


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
def test_text_stands_in_its_box_however_the_page_is_turned(desk: Desk, rotate: int) -> None:
    size = A4 if rotate in (0, 180) else (A4[1], A4[0])

    desk.make(scan(rotate), page_text(("words", LINE), size=size))

    assert desk.box_of("words") == pytest.approx(LINE, abs=0.5)


@pytest.mark.parametrize("turns", range(4))
def test_turned_text_runs_the_way_it_is_read(desk: Desk, turns: int) -> None:
    box: Box = (100, 200, 120, 400) if turns % 2 else LINE

    desk.make(scan(), page_text(("words", box), turns=turns))

    assert desk.box_of("words") == pytest.approx(box, abs=0.5)
    first, last = desk.box_of("w"), desk.box_of("s")
    begins = {0: first[0] < last[0], 1: first[1] < last[1], 2: first[0] > last[0]}
    assert begins.get(turns, first[1] > last[1])


def test_boxes_count_in_the_unit_of_the_page(desk: Desk) -> None:
    desk.make(scan(), page_text(("words", (200, 400, 600, 440)), size=(1190, 1684), dpi=144))

    assert desk.box_of("words") == pytest.approx(LINE, abs=0.5)


def test_a_page_with_text_stays_as_it_is(desk: Desk) -> None:
    lines = [f"Line {number} of a page that has text." for number in range(12)]
    content = sample_files.pdf(sample_files.text(*lines))

    assert desk.make(content, page_text(("more", LINE))) == Made(is_changed=False)
    assert not desk.made.exists()


def test_only_pages_without_text_are_written_to(desk: Desk) -> None:
    lines = [f"Line {number} of a page that has text." for number in range(12)]
    content = sample_files.pdf(
        sample_files.picture(0, 0, *A4),
        sample_files.text(*lines),
        image=sample_files.scan(["Herons"]),
    )

    made = desk.make(content, *(page_text(("added", LINE), index=index) for index in range(2)))

    assert made.is_changed
    assert (desk.words(0), desk.words(1)) == ("added", " ".join(lines))


def test_a_line_over_a_stamp_is_left_out(desk: Desk) -> None:
    stamp = (72, 50, 200, 64)

    desk.make(scan(stamp="Received"), page_text(("Received", stamp), ("words", LINE)))

    assert sorted(desk.words().split()) == ["Received", "words"]


def test_a_scan_whose_text_was_not_asked_for_is_told(desk: Desk) -> None:
    assert desk.make(scan(), page_text(has_blocks=False)) == Made(
        is_changed=False, page_without_text=1
    )


def test_a_blank_page_lacks_nothing(desk: Desk) -> None:
    assert desk.make(sample_files.pdf(b""), page_text(has_blocks=False)) == Made(is_changed=False)


def test_a_page_whose_text_gets_lost_stays_without(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = sample_files.pdf(
        *[sample_files.picture(0, 0, *A4)] * 2, image=sample_files.scan(["Herons"])
    )
    letters_of = text_layers.letters_of
    read: list[int] = []

    def lose_the_first(page: Any) -> Any:
        read.append(1)
        letters = letters_of(page)
        return letters if len(read) > 1 else letters - letters

    monkeypatch.setattr(text_layers, "letters_of", lose_the_first)

    desk.make(content, *(page_text(("words", LINE), index=index) for index in range(2)))

    assert (desk.words(0), desk.words(1)) == ("", "words")


@pytest.mark.parametrize(
    ("kind", "media_type"),
    [
        ("PNG", media_types.PNG),
        ("JPEG", media_types.JPEG),
        ("WEBP", media_types.WEBP),
        ("GIF", media_types.GIF),
        ("BMP", media_types.BMP),
        ("AVIF", media_types.AVIF),
        ("JPEG2000", media_types.JP2),
        ("TIFF", media_types.TIFF),
    ],
)
def test_a_picture_becomes_a_pdf(desk: Desk, kind: str, media_type: str) -> None:
    content = sample_files.encoded(sample_files.scan(["Herons"]), kind)
    text = page_text(("words", (200, 400, 600, 440)), size=(1240, 1754), dpi=150)

    made = desk.make(content, text, media_type=media_type)

    assert made == Made(is_changed=True)
    assert desk.words() == "words"
    with pdfium.PdfDocument(desk.made) as pdf:
        assert pdf[0].get_size() == pytest.approx((595.2, 841.9), abs=0.1)
        shown = pdf[0].render(scale=1).to_numpy()
    assert shown.min() < 100  # its ink


def test_a_jpeg_is_kept_as_it_is(desk: Desk) -> None:
    content = sample_files.encoded(sample_files.scan(["Herons"]), "JPEG")

    desk.make(content, media_type=media_types.JPEG)

    assert content in desk.made.read_bytes()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_picture_is_upright(desk: Desk, tmp_path: Path, orientation: int) -> None:
    upright = Image.new("RGB", (40, 60), "white")
    upright.paste("black", (0, 0, 20, 15))
    turned = {
        1: (), 2: (Image.Transpose.FLIP_LEFT_RIGHT,), 3: (Image.Transpose.ROTATE_180,),
        4: (Image.Transpose.FLIP_TOP_BOTTOM,), 5: (Image.Transpose.TRANSPOSE,),
        6: (Image.Transpose.ROTATE_90,), 7: (Image.Transpose.TRANSVERSE,),
        8: (Image.Transpose.ROTATE_270,),
    }[orientation]  # fmt: skip
    stored = upright
    for step in turned:
        stored = stored.transpose(step)
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "turned.jpg"
    stored.save(path, exif=exif, quality=95)

    desk.make(path.read_bytes(), media_type=media_types.JPEG)

    with pdfium.PdfDocument(desk.made) as pdf:
        assert pdf[0].get_size() == (40, 60)
        shown = pdf[0].render(scale=1).to_numpy()[:, :, 0]
    assert shown[7, 10] < 60
    assert shown[7, 30] > 200
    assert shown[40, 10] > 200


def test_each_frame_of_a_tiff_is_a_page(desk: Desk, tmp_path: Path) -> None:
    frames = [Image.new("1", (60, 80), 1), Image.new("L", (80, 60), 200)]
    path = tmp_path / "frames.tif"
    frames[0].save(path, save_all=True, append_images=frames[1:])

    desk.make(
        path.read_bytes(),
        page_text(("words", (1, 1, 50, 10)), index=1, size=(80, 60)),
        media_type=media_types.TIFF,
    )

    with pdfium.PdfDocument(desk.made) as pdf:
        assert [pdf[index].get_size() for index in range(2)] == [(60, 80), (80, 60)]
    assert (desk.words(0), desk.words(1)) == ("", "words")


def test_pictures_beyond_the_limits_are_refused(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = sample_files.encoded(Image.new("L", (60, 80)), "TIFF")

    monkeypatch.setattr(limits, "RASTER_MAX_PIXELS", 100)
    with pytest.raises(DocumentTooLarge, match="pixels"):
        desk.make(content, media_type=media_types.TIFF)
    monkeypatch.setattr(limits, "RASTER_MAX_FRAMES", 0)
    with pytest.raises(DocumentTooLarge, match="pages"):
        desk.make(content, media_type=media_types.TIFF)


@pytest.mark.parametrize("media_type", [media_types.PDF, media_types.PNG])
def test_a_damaged_file_is_refused(desk: Desk, media_type: str) -> None:
    with pytest.raises(CorruptDocument):
        desk.make(b"%PDF-1.7 and nothing more", media_type=media_type)
