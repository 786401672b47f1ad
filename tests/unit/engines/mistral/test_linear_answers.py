"""Answers take time in proportion to their size, whatever a stranger's text is made of."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ilios.engines.base import Options, Part, Source
from ilios.engines.detection import media_types
from ilios.engines.mistral import responses

N = 50_000
RATIO_MAX = 10.0  #: of four times the size; linear work takes 4, quadratic work 16
SHORT_SECONDS = 0.02  #: what takes less is noise

TEXTS: dict[str, Callable[[int], str]] = {
    "brackets of images": lambda n: "![" * n,
    "brackets of links": lambda n: "[" * n,
    "labels that do not end": lambda n: "![a" * n,
    "labels without targets": lambda n: "![a]" * n,
    "targets that do not end": lambda n: "![a](" * n,
    "targets that do not begin": lambda n: "![a](b![" * n,
    "one target that does not end": lambda n: "![a](" + "![b]" * n,
    "placeholders": lambda n: "![x](x)" * n,
    "blanks": lambda n: "![x](x)" + " " * n * 10 + "y",
    "blanks and ends of lines": lambda n: "![x](x)" + "\n " * n + "y",
    "pairs of ends of lines": lambda n: "![x](x)" + ("\n" + " " * 200) * (n // 100) + "y",
    "names of one table": lambda n: "[t](t)" * n,
    "controls": lambda n: "\0\ufffe" * n,
}


def text_only(text: str) -> dict[str, Any]:
    tables = [{"id": "t", "content": "x" * 1_000}]
    return {"pages": [{"index": 0, "markdown": text, "tables": tables}]}


def images_of_one_name(n: int) -> dict[str, Any]:
    url = "data:image/png;base64,iVBORw0KGgo="
    images = [{"id": "/" * (number + 1), "image_base64": url} for number in range(n)]
    return {"pages": [{"index": 0, "markdown": "", "images": images}]}


def pages_of_one_number(n: int) -> dict[str, Any]:
    return {"pages": [{"index": 0, "markdown": str(number)} for number in range(n)]}


def ratio(answer: Callable[[int], dict[str, Any]], folder: Path, n: int) -> float:
    """Return how many times as much processor time an answer of 4 n takes as one of n."""
    part = Part(Source(folder / "source", media_types.PDF, "a.pdf"), None)

    def seconds(size: int) -> float:
        raw = json.dumps(answer(size)).encode()
        best = float("inf")
        for _ in range(3):
            began = time.process_time()
            responses.conversion(raw, part, Options(include_images=True), "model", folder)
            best = min(best, time.process_time() - began)
        return best

    return seconds(4 * n) / max(seconds(n), SHORT_SECONDS)


@pytest.mark.parametrize("kind", TEXTS)
def test_a_page_of_four_times_the_text_takes_about_four_times_as_long(
    kind: str, tmp_path: Path
) -> None:
    assert ratio(lambda n: text_only(TEXTS[kind](n)), tmp_path, N) < RATIO_MAX


@pytest.mark.parametrize(
    ("answer", "n"), [(images_of_one_name, 300), (pages_of_one_number, 20_000)]
)
def test_an_answer_of_four_times_the_entries_takes_about_four_times_as_long(
    answer: Callable[[int], dict[str, Any]], n: int, tmp_path: Path
) -> None:
    assert ratio(answer, tmp_path, n) < RATIO_MAX
