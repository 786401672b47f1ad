"""Images as documents: formats, rotation, tables, limits."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from ilios.core.conversion_errors import CorruptDocument, DocumentTooLarge, EmptyDocument
from ilios.engines.detection import media_types
from ilios.engines.embedded import limits
from ilios.engines.embedded.ocr.page_reader import is_blank
from tests.support.sample_files import INK, encoded, scan
from tests.unit.engines.embedded.conftest import Convert

LINES = ["Delivery note for the garden shed", "Please sign on the dotted line"]
NOTE = (1000, 300)
RECEIPT = [
    ("Milk 2L", "1.89"),
    ("Brown bread", "2.45"),
    ("Coffee beans", "14.99"),
    ("TOTAL", "19.33"),
]


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
    ],
)
def test_an_image_is_read(convert: Convert, media_type: str, kind: str) -> None:
    converted = convert(encoded(scan(LINES, NOTE), kind), media_type)

    assert all(line in converted.markdown for line in LINES)
    assert [converted.pages[0].width, converted.pages[0].height] == [*NOTE]
    assert converted.pages[0].dpi == (96 if kind == "BMP" else 72)  # which its writer declares
    assert converted.warnings == []


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_an_image_is_read_in_any_rotation(convert: Convert, degrees: int) -> None:
    turned = scan(LINES, NOTE).rotate(degrees, expand=True)

    assert LINES[0] in convert(encoded(turned, "PNG"), media_types.PNG).markdown


def test_a_photo_is_turned_as_its_exif_data_say(convert: Convert) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    buffer = io.BytesIO()
    scan(LINES, NOTE).rotate(90, expand=True).save(buffer, "JPEG", exif=exif)

    converted = convert(buffer.getvalue(), media_types.JPEG)

    assert LINES[0] in converted.markdown
    assert [converted.pages[0].width, converted.pages[0].height] == [*NOTE]


def test_every_frame_of_a_tiff_is_a_page(convert: Convert) -> None:
    buffer = io.BytesIO()
    frames = [scan([f"Sheet {name}"], NOTE) for name in ("alpha", "beta", "gamma")]
    frames[0].save(buffer, "TIFF", save_all=True, append_images=frames[1:], dpi=(150, 150))

    converted = convert(buffer.getvalue(), media_types.TIFF, pages="1,3")

    assert converted.counts.total == 3
    assert [page.markdown for page in converted.pages] == ["Sheet alpha", "Sheet gamma"]
    assert converted.pages[0].dpi == 150


def test_an_item_and_its_price_stay_on_one_line(convert: Convert) -> None:
    receipt = scan([item for item, _ in RECEIPT], (800, 600))
    prices = scan([price for _, price in RECEIPT], (800, 600)).crop((0, 0, 300, 600))
    receipt.paste(prices, (500, 0))

    lines = convert(
        encoded(receipt.rotate(3, fillcolor="white"), "PNG"), media_types.PNG
    ).markdown.splitlines()

    assert [line.strip() for line in lines] == [f"{item} {price}" for item, price in RECEIPT]


def test_aligned_cells_become_a_table(convert: Convert) -> None:
    sheet = scan([], (1200, 500))
    columns = (["Item", "Widget", "Gadget"], ["Qty", "12", "40"], ["Price", "3.50", "8.25"])
    for place, column in enumerate(columns):
        sheet.paste(scan(column, (350, 400)), (place * 380, 0))

    markdown = convert(encoded(sheet, "PNG"), media_types.PNG).markdown

    assert markdown.splitlines()[0] == "| Item | Qty | Price |"
    assert "| Gadget | 40 | 8.25 |" in markdown


def test_transparency_is_read_on_white(convert: Convert) -> None:
    clear = Image.new("RGBA", NOTE, (0, 0, 0, 0))
    clear.paste((*INK, 255), mask=scan(LINES, NOTE).convert("L").point(lambda v: 255 - v))

    assert LINES[0] in convert(encoded(clear, "PNG"), media_types.PNG).markdown


def test_a_blank_image_is_an_empty_page(convert: Convert) -> None:
    converted = convert(encoded(Image.new("L", (300, 200), 255), "PNG"), media_types.PNG)

    assert converted.markdown == ""
    assert converted.warnings == [("empty_page", 1)]


def test_an_image_of_too_many_pixels_is_refused_before_it_is_decoded(
    convert: Convert, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "RASTER_MAX_PIXELS", 100_000)

    with pytest.raises(DocumentTooLarge, match="1000 × 300"):
        convert(encoded(scan(LINES, NOTE), "PNG"), media_types.PNG)


@pytest.mark.parametrize(
    ("media_type", "kind", "options"),
    [
        (media_types.AVIF, "AVIF", {}),
        (media_types.JP2, "JPEG2000", {"num_resolutions": 1}),
    ],
)
def test_what_is_decoded_whole_may_have_fewer_pixels(
    convert: Convert,
    monkeypatch: pytest.MonkeyPatch,
    media_type: str,
    kind: str,
    options: dict[str, int],
) -> None:
    monkeypatch.setattr(limits, "RASTER_WHOLE_MAX_PIXELS", 100_000)
    buffer = io.BytesIO()
    scan(LINES, NOTE).save(buffer, kind, **options)

    with pytest.raises(DocumentTooLarge, match="1000 × 300"):
        convert(buffer.getvalue(), media_type)


def test_a_large_image_is_read_at_a_smaller_scale(
    convert: Convert, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "RASTER_WORK_PIXELS", 240_000)

    assert LINES[0] in convert(encoded(scan(LINES, NOTE), "JPEG"), media_types.JPEG).markdown


@pytest.mark.parametrize("resolutions", [1, 2, 6])
def test_a_large_jpeg_2000_is_decoded_at_a_smaller_scale_as_far_as_it_has_one(
    convert: Convert, monkeypatch: pytest.MonkeyPatch, resolutions: int
) -> None:
    monkeypatch.setattr(limits, "RASTER_WORK_PIXELS", 240_000)
    buffer = io.BytesIO()
    scan(LINES, NOTE).resize((2000, 600)).save(buffer, "JPEG2000", num_resolutions=resolutions)

    assert LINES[0] in convert(buffer.getvalue(), media_types.JP2).markdown


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF", "BMP", "AVIF", "JPEG2000"])
def test_a_truncated_image_is_called_corrupt(convert: Convert, kind: str) -> None:
    media_type = media_types.JP2 if kind == "JPEG2000" else f"image/{kind.lower()}"
    content = encoded(scan(LINES, NOTE), kind)

    with pytest.raises(CorruptDocument):
        convert(content[: len(content) // 2], media_type)


def test_an_empty_file_is_called_empty(convert: Convert) -> None:
    with pytest.raises(EmptyDocument):
        convert(b"", media_types.PNG)


def _file(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("orientation", "compression"),
    [(3, None), (5, None), (6, None), (7, None), (8, None), (6, "tiff_lzw")],
)
def test_a_turned_tiff_is_set_upright(
    convert: Convert, orientation: int, compression: str | None
) -> None:
    """Pillow mixes up an uncompressed one whose path it gets."""
    undo = {
        3: Image.Transpose.ROTATE_180,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    stored = scan(LINES, NOTE).convert("L").transpose(undo)
    content = _file(stored, "TIFF", tiffinfo={0x0112: orientation}, compression=compression)

    assert LINES[0] in convert(content, media_types.TIFF).markdown


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("TIFF", {"compression": "group3", "dpi": (204, 98)}),
        ("PNG", {"dpi": (204, 98)}),
        ("JPEG", {"dpi": (204, 98)}),
    ],
)
def test_the_oblong_pixels_of_a_fax_are_squared(
    convert: Convert, kind: str, options: dict[str, Any]
) -> None:
    squeezed = scan(LINES, (900, 400)).resize((900, 192), Image.Resampling.LANCZOS)

    page = convert(_file(squeezed.convert("1" if kind == "TIFF" else "L"), kind, **options),
                   f"image/{kind.lower()}").pages[0]  # fmt: skip

    assert all(line in page.markdown for line in LINES)
    assert (page.width, page.height, page.dpi) == (900, 400, 204)


def test_the_pixels_of_a_turned_fax_are_squared_the_other_way(convert: Convert) -> None:
    squeezed = scan(LINES, (900, 400)).resize((900, 192)).convert("L")
    content = _file(squeezed.transpose(Image.Transpose.ROTATE_90), "TIFF", dpi=(98, 204),
                    tiffinfo={0x0112: 6})  # fmt: skip

    assert [convert(content, media_types.TIFF).pages[0].height] == [400]


def test_a_resolution_that_no_device_has_is_not_believed(convert: Convert) -> None:
    page = convert(_file(scan(LINES, NOTE), "PNG", dpi=(1200, 72)), media_types.PNG).pages[0]

    assert [page.width, page.height] == [*NOTE]


@pytest.mark.parametrize(("ink", "ground"), [(225, 245), (120, 130)])
def test_faint_print_is_read(convert: Convert, ink: int, ground: int) -> None:
    faint = scan(LINES, NOTE).convert("L").point(lambda v: ink if v < 128 else ground)

    assert LINES[0] in convert(_file(faint, "PNG"), media_types.PNG).markdown


def test_the_grain_of_a_scanned_sheet_is_blank() -> None:
    shade = np.linspace(236, 244, 1200)[:, None] + np.random.default_rng(7).normal(
        0, 3, (1200, 900)
    )
    content = _file(Image.fromarray(shade.astype(np.uint8)), "JPEG", quality=80)

    assert not is_blank(np.asarray(scan(LINES, NOTE)))
    assert is_blank(np.asarray(Image.open(io.BytesIO(content)).convert("RGB")))


@pytest.mark.parametrize("place", [(1100, 1600), (60, 60), (600, 1100)])
def test_a_lone_line_on_a_page_is_found(convert: Convert, place: tuple[int, int]) -> None:
    sheet = Image.new("L", (1700, 2200), 255)
    sheet.paste(scan(["Confidential"], (560, 200)).convert("L"), place)

    assert convert(_file(sheet, "PNG"), media_types.PNG).markdown == "Confidential"


def test_white_text_on_a_transparent_ground_is_read(convert: Convert) -> None:
    clear = Image.new("RGBA", NOTE, (0, 0, 0, 0))
    clear.paste((255, 255, 255, 255), mask=scan(LINES, NOTE).convert("L").point(lambda v: 255 - v))

    assert LINES[0] in convert(_file(clear, "PNG"), media_types.PNG).markdown


@pytest.mark.parametrize(
    ("mode", "kind"),
    [("CMYK", "JPEG"), ("CMYK", "TIFF"), ("LAB", "TIFF"), ("P", "PNG"), ("1", "PNG"), ("LA", "PNG"),
     ("I;16", "PNG"), ("I;16", "TIFF"), ("F", "TIFF")],
)  # fmt: skip
def test_all_kinds_of_pixels_are_read(convert: Convert, mode: str, kind: str) -> None:
    image = scan(LINES, NOTE)
    if mode == "I;16":
        image = Image.fromarray(np.asarray(image.convert("L"), np.uint16) * 257)
    elif mode == "F":
        image = Image.fromarray(np.asarray(image.convert("L"), np.float32) / 255)
    elif mode == "LAB":
        image = Image.merge("LAB", [image.convert("L"), *[Image.new("L", NOTE, 128)] * 2])
    else:
        image = image.convert(mode)
    assert image.mode == mode

    assert LINES[0] in convert(_file(image, kind), f"image/{kind.lower()}").markdown


def test_twelve_bits_in_sixteen_are_no_darkness(convert: Convert) -> None:
    dark = Image.fromarray(np.asarray(scan(LINES, NOTE).convert("L"), np.uint16) * 16)

    assert LINES[0] in convert(_file(dark, "PNG"), media_types.PNG).markdown


@settings(
    deadline=None, max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    lines=st.lists(
        st.lists(
            st.sampled_from(
                ["garden", "winter", "bridge", "seven", "market", "Tuesday", "lantern"]
            ),
            min_size=2,
            max_size=5,
        ),
        min_size=1,
        max_size=5,
    )
)
def test_every_word_of_a_scan_comes_once_and_in_order(
    convert: Convert, lines: list[list[str]]
) -> None:
    image = scan([" ".join(words) for words in lines], (1000, 700))

    markdown = convert(encoded(image, "PNG"), media_types.PNG).markdown

    assert markdown.split() == [word for words in lines for word in words]
