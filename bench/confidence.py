"""What the recogniser's scores are worth: `python -m bench.confidence [pages]`.

Draws pages of known text, each spoiled in a way of its own (small letters, blur, noise, faint ink,
JPEG at its worst), recognises them, and compares the mean score of a page with the share of its
characters that are right (1 - CER). Of the pages with even numbers it makes the points of
ilios.engines.embedded.ocr.calibration; of the others it says how far these are off.
"""

from __future__ import annotations

import io
import random
import sys
from collections.abc import Iterator, Sequence
from statistics import mean
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from ilios.engines.embedded.ocr import calibration
from ilios.engines.embedded.ocr.page_reader import PageReader
from ilios.engines.markdown_structure import bare

PAGES: Final = 120
SEED: Final = 21
POINTS: Final = 10
SIZE: Final = (900, 620)
WORDS: Final = """
harbour lantern ship cargo weather morning ledger keeper window letter river bridge mason winter
library committee members decision station traffic repair budget expected autumn quarter justice
exhibit oxygen zebra jacket voyage puzzle knowledge rhythm subject figure question weigh fjord
SKU-8847 12.5% 1,240 2024-11-15 No. 7 (b) E-42 $43.60 & Co. A/S 0.75 #12 17:30
"""
"""Of the signs that Pillow's own font has: it draws a box for any other, such as an accent."""
Sample = tuple[float, float]
"""The mean score of a page, and the share of its characters that are right."""


def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else PAGES
    samples = list(_samples(count))
    fitted, held_out = samples[::2], samples[1::2]
    points = _points(fitted)
    for score, share in points:
        print(f"({score:.3f}, {share:.3f})")
    print(f"{len(held_out)} held out, scores {min(held_out)[0]:.2f} to {max(held_out)[0]:.2f}")
    curves = {"as it is": ((0.0, 0.0), (1.0, 1.0)), "new": points, "built in": calibration.POINTS}
    for name, curve in curves.items():
        off = sorted(abs(calibration.calibrated(score, curve) - share) for score, share in held_out)
        print(f"{name}: off by {mean(off):.3f}, nine in ten by {off[9 * len(off) // 10]:.3f}")
    return 0


def _samples(count: int) -> Iterator[Sample]:
    reader = PageReader(2)
    picks = random.Random(SEED)  # noqa: S311  # no secret
    words = WORDS.split()
    for number in range(count):
        lines = [" ".join(picks.choices(words, k=7)) for _ in range(10)]
        page = _spoiled(_drawn(lines, picks.choice((13, 16, 20, 26))), picks)
        read = reader.read(np.asarray(page)[:, :, ::-1].copy(), number + 1)
        truth, got = " ".join(lines), " ".join(bare(read.markdown).split())
        share = max(0.0, 1 - _distance(truth, got) / len(truth))
        print(f"{number + 1}: {read.text.confidence:.3f} {share:.3f}", file=sys.stderr)
        if read.text.lines:
            yield read.text.confidence, share


def _drawn(lines: Sequence[str], size: int) -> Image.Image:
    page = Image.new("RGB", SIZE, "white")
    pen = ImageDraw.Draw(page)
    for place, line in enumerate(lines):
        pen.text((30, 30 + place * 55), line, (20, 20, 20), ImageFont.load_default(size))
    return page


def _spoiled(page: Image.Image, picks: random.Random) -> Image.Image:
    """Return a page as a bad scanner or a bad camera gives it, from not at all to badly."""
    harm = picks.random()
    page = page.filter(ImageFilter.GaussianBlur(picks.random() * 2.6 * harm))
    pixels = np.asarray(page).astype(np.float32)
    pixels = 255 - (255 - pixels) * (1 - 0.85 * harm * picks.random())
    grain = np.random.default_rng(picks.randrange(2**32))
    pixels += grain.normal(0, 70 * harm * picks.random(), pixels.shape)
    page = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    buffer = io.BytesIO()
    page.save(buffer, "JPEG", quality=round(90 - 84 * harm * picks.random()))
    return Image.open(buffer).convert("RGB")


def _points(samples: Sequence[Sample]) -> list[Sample]:
    """Return some points of the rising curve that is nearest to the samples."""
    ordered = sorted(samples)
    step = max(1, len(ordered) // POINTS)
    groups = [ordered[at : at + step] for at in range(0, len(ordered), step)]
    pooled: list[list[Sample]] = []
    for group in groups:
        pooled.append(group)
        while len(pooled) > 1 and _share(pooled[-2]) >= _share(pooled[-1]):
            last = pooled.pop()
            pooled[-1] = [*pooled[-1], *last]
    inner = [(mean(score for score, _ in group), _share(group)) for group in pooled]
    return [(0.0, 0.0), *inner, (1.0, 1.0)]


def _share(group: Sequence[Sample]) -> float:
    return mean(share for _, share in group)


def _distance(a: str, b: str) -> int:
    """Return how many characters must be changed, put in or taken out (Levenshtein)."""
    letters = np.frombuffer(b.encode("utf-32-le"), np.uint32)
    row: NDArray[np.int64] = np.arange(len(letters) + 1)
    offsets = np.arange(len(letters) + 1)
    for number, sign in enumerate(a, start=1):
        changed = np.minimum(row[:-1] + (letters != ord(sign)), row[1:] + 1)
        best = np.concatenate([[number], changed]) - offsets
        row = np.minimum.accumulate(best) + offsets
    return int(row[-1])


if __name__ == "__main__":
    sys.exit(main())
