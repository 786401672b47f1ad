"""Answers take time in proportion to their size, whatever a stranger's text is made of."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ilios.engines.base import Options, Part, Source
from ilios.engines.detection import media_types
from ilios.engines.mistral import responses
from tests.unit.engines.embedded.linear.test_linear import is_linear, processor_time

N = 10_000

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
    "rows of a table": lambda n: "| a | b |\n| - | - |\n" + "| 1 | 2 |\n" * (n // 4),
    "tables": lambda n: "| a |\n| - |\n\n" * (n // 8),
    "tables that do not end": lambda n: "<table>" * n,
    "links": lambda n: "[a](b) " * n,
}
OPTIONS = Options(include_images=True, include_blocks=True, confidence="word")


def text_only(text: str) -> dict[str, Any]:
    tables = [{"id": "t", "content": "x" * 1_000}]
    return {"pages": [{"index": 0, "markdown": text, "tables": tables}]}


def images_of_one_name(n: int) -> dict[str, Any]:
    url = "data:image/png;base64,iVBORw0KGgo="
    images = [{"id": "/" * (number + 1), "image_base64": url} for number in range(n)]
    return {"pages": [{"index": 0, "markdown": "", "images": images}]}


def with_blocks(n: int, order: Callable[[list[str]], list[str]]) -> dict[str, Any]:
    parts = [f"Paragraph {number} of many" for number in range(n)]
    blocks = [{"type": "text", "content": part} for part in order(parts)]
    return {"pages": [{"index": 0, "markdown": "\n\n".join(parts), "blocks": blocks}]}


def blocks_in_order(n: int) -> dict[str, Any]:
    return with_blocks(n, lambda parts: parts)


def blocks_backwards(n: int) -> dict[str, Any]:
    return with_blocks(n, lambda parts: parts[::-1])


def blocks_of_one_word(n: int) -> dict[str, Any]:
    return with_blocks(n, lambda parts: ["of"] * len(parts))


def blocks_nowhere(n: int) -> dict[str, Any]:
    return with_blocks(n, lambda parts: [part[::-1] for part in parts])


def tables_beside_the_text(n: int) -> dict[str, Any]:
    tables = [{"id": f"t{number}", "content": f"| {number} |"} for number in range(n)]
    text = "\n\n".join(f"[t{number}](t{number})" for number in range(n))
    return {"pages": [{"index": 0, "markdown": text, "tables": tables}]}


def words_and_addresses(n: int) -> dict[str, Any]:
    scores = [{"text": f"w{number}", "confidence": 0.5} for number in range(n)]
    page = {
        "index": 0,
        "markdown": "",
        "confidence_scores": {"word_confidence_scores": scores},
        "hyperlinks": [f"https://example.org/{number}" for number in range(n)],
    }
    return {"pages": [page]}


def pages_of_one_number(n: int) -> dict[str, Any]:
    return {"pages": [{"index": 0, "markdown": str(number)} for number in range(n)]}


def is_read_in_proportion(answer: Callable[[int], dict[str, Any]], folder: Path, n: int) -> bool:
    part = Part(Source(folder / "source", media_types.PDF, "a.pdf"), None)

    def seconds(size: int) -> float:
        raw = json.dumps(answer(size)).encode()
        with processor_time() as taken:
            responses.conversion(raw, part, OPTIONS, "model", folder)
        return taken[0]

    return is_linear(seconds, n)


@pytest.mark.parametrize("kind", TEXTS)
def test_a_page_of_four_times_the_text_takes_about_four_times_as_long(
    kind: str, tmp_path: Path
) -> None:
    assert is_read_in_proportion(lambda n: text_only(TEXTS[kind](n)), tmp_path, N)


@pytest.mark.parametrize(
    ("answer", "n"),
    [
        (images_of_one_name, 300),
        (pages_of_one_number, 2_500),
        (blocks_in_order, 1_000),
        (blocks_backwards, 1_000),
        (blocks_of_one_word, 1_000),
        (blocks_nowhere, 1_000),
        (tables_beside_the_text, 2_500),
        (words_and_addresses, 2_500),
    ],
)
def test_an_answer_of_four_times_the_entries_takes_about_four_times_as_long(
    answer: Callable[[int], dict[str, Any]], n: int, tmp_path: Path
) -> None:
    assert is_read_in_proportion(answer, tmp_path, n)
