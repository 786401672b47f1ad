"""Turning images of any kind into 8 bits, square pixels, and what screens show."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from ilios.engines.embedded import pixels


@pytest.mark.parametrize(
    ("info", "expected"),
    [
        ({}, None),
        ({"dpi": (204, 98)}, (204, 98)),
        ({"dpi": (0, 0)}, None),
        ({"dpi": (9999, 9999)}, None),
        ({"dpi": "much"}, None),
        ({"jfif_unit": 0, "jfif_density": (2, 1)}, (144, 72)),
        ({"aspect": (1, 2)}, (72, 144)),
        ({"resolution": (1, 0)}, None),
    ],
)
def test_a_resolution_is_what_the_file_declares(
    info: dict[str, object], expected: tuple[float, float] | None
) -> None:
    image = Image.new("L", (4, 4))
    image.info.update(info)

    assert pixels.resolution(image) == expected


@pytest.mark.parametrize(
    ("dpi", "ratio"),
    [(None, 1), ((100, 100), 1), ((105, 100), 1), ((200, 100), 2), ((100, 200), 0.5),
     ((500, 100), 1), ((100, 500), 1)],
)  # fmt: skip
def test_only_a_believable_ratio_counts(dpi: tuple[float, float] | None, ratio: float) -> None:
    assert pixels.oblongness(dpi) == ratio


def test_the_shorter_side_is_lengthened() -> None:
    assert pixels.squared(Image.new("L", (40, 20)), 2.0).size == (40, 40)
    assert pixels.squared(Image.new("L", (20, 40)), 0.5).size == (40, 40)


def test_sixteen_bits_are_spread_over_eight() -> None:
    levels = np.array([[0, 2048], [4095, 4095]], np.uint16)

    assert np.asarray(pixels.eight_bits(Image.fromarray(levels))).tolist() == [[0, 127], [255, 255]]


def test_the_noise_of_an_even_surface_is_not_spread() -> None:
    levels = np.array([[60_000, 60_010]], np.uint16)

    assert int(np.ptp(np.asarray(pixels.eight_bits(Image.fromarray(levels))))) <= 1


def test_what_is_not_a_number_is_black() -> None:
    values = np.array([[np.nan, 1.0]], np.float32)

    assert np.asarray(pixels.eight_bits(Image.fromarray(values))).tolist() == [[0, 255]]


def test_transparency_stays_where_an_image_is_shown_and_becomes_white_where_it_is_read() -> None:
    clear = Image.new("RGBA", (2, 2), (0, 0, 0, 0))

    assert pixels.shown(clear).mode == "RGBA"
    assert pixels.on_white(clear).getpixel((0, 0)) == (255, 255, 255)
