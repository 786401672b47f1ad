"""That the time of every reader, and of results as text, is in proportion to the input."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import pytest

from ilios.core.conversion_errors import DocumentTooLarge
from ilios.engines.base import Options, Source
from ilios.engines.embedded import counting
from ilios.engines.embedded.conversion import convert_file
from ilios.engines.plain_text import plain_text
from tests.unit.engines.embedded.linear import (
    code,
    mails,
    opendocument,
    pdf,
    rtf,
    sheets,
    slides,
    text,
    web,
    word,
)
from tests.unit.engines.embedded.linear.growth import SIGNS, Case

CASES: Final = [
    case
    for module in (text, code, mails, word, slides, sheets, opendocument, web, rtf, pdf)
    for case in module.CASES
]
RATIO_MAX: Final = 5.0
"""Of the time at four times the size: 4 if it is in proportion, 16 if it grows with the square.

A reader passes of whose time at the first size at most a twelfth grows with the square. All were
measured at 4.2 or less on a busy machine.
"""
RATIO_SURE: Final = 4.0
"""Up to here one time at the first size is enough: the least of several would be a little less."""
NOISE_SECONDS: Final = 0.02
RUNS: Final = 3
ATTEMPTS: Final = 5


def is_linear(seconds: Callable[[int], float], size: int) -> bool:
    """Return whether the processor time at four times a size is about four times that at it.

    What takes less at four times the size than noise may is not measured at the others: no time
    that was found there could change the answer.
    """
    seconds(max(size // 10, 2))  # loads what is loaded once
    for _ in range(ATTEMPTS):
        four_times = seconds(size * 4)
        if four_times <= RATIO_MAX * NOISE_SECONDS:
            return True
        for factor in (1, 2):
            shorter = seconds(size * factor)
            if four_times <= RATIO_SURE / factor * shorter:
                return True
            shorter = min(shorter, *(seconds(size * factor) for _ in range(RUNS - 1)))
            if four_times <= RATIO_MAX / factor * shorter:
                return True
    return False


@contextmanager
def processor_time() -> Iterator[list[float]]:
    """Measure the seconds of the processor, without those that go through what other tests left."""
    taken: list[float] = []
    gc.collect()
    gc.disable()
    begun = time.process_time()
    try:
        yield taken
    finally:
        taken.append(time.process_time() - begun)
        gc.enable()


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (lambda size: size / 1_000, True),
        (lambda size: size**2 / 1_000_000, False),
        (lambda size: size / 1_000 + size**2 / 12_000_000, True),
        (lambda size: size / 1_000 + size**2 / 2_000_000, False),
        (lambda size: size**2 / 200_000_000, True),  # noise
    ],
)
def test_times_that_grow_with_the_square_are_told_from_others(
    seconds: Callable[[int], float], expected: bool
) -> None:
    assert is_linear(seconds, 1_000) is expected


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_reader_takes_time_in_proportion_to_the_input(case: Case, tmp_path: Path) -> None:
    workspace = tmp_path / "images"
    workspace.mkdir()
    written: dict[int, Source] = {}

    def source(size: int) -> Source:
        if size not in written:
            path = tmp_path / str(size)
            path.write_bytes(case.build(size))
            written[size] = Source(path, case.media_type, "document")
        return written[size]

    def seconds(size: int) -> float:
        document = source(size)
        with processor_time() as taken, suppress(DocumentTooLarge):
            for _ in convert_file(document, Options(), workspace, threads=1):
                pass
        return taken[0]

    assert is_linear(seconds, case.size)


@pytest.mark.parametrize(
    "sign",
    [
        *(
            *SIGNS,
            "<?",
            "<![CDATA[",
            "<!A ",
            "[a][b]",
            "a\n",
            "- a\n",
            "> a\nb\n",
            "[a]: b\n",
            " ",
            "a  \n",
        ),
        "| a | b |\n|-|-|\n",
    ],
)
def test_a_result_is_shown_as_text_in_time_in_proportion_to_it(sign: str) -> None:
    def seconds(size: int) -> float:
        markdown = f"\\*a{sign * (size // len(sign))}a"
        with processor_time() as taken:
            plain_text(markdown)
        return taken[0]

    assert is_linear(seconds, 8_000)


def test_pages_are_counted_in_time_in_proportion_to_the_file(tmp_path: Path) -> None:
    case = next(case for case in CASES if case.name == "word-notes")

    def seconds(size: int) -> float:
        path = tmp_path / "document"
        path.write_bytes(case.build(size))
        task = counting.task(Source(path, case.media_type, "document"), tmp_path)
        with processor_time() as taken:
            assert counting.pages(next(counting.answer(task))) == 1
        return taken[0]

    assert is_linear(seconds, case.size)
