"""Converting bytes through the embedded engine, in the test's own process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from ilios.engines.base import Options, Page, Source
from ilios.engines.embedded.conversion import PageCounts, convert_file
from ilios.engines.embedded.ocr import page_reader
from ilios.engines.embedded.ocr.recognition import TextRecognizer
from ilios.engines.page_layout import decode
from ilios.engines.page_selection import PageSelection
from ilios.engines.page_structure import Block

ROUNDING = 0.05
"""Boxes are kept in tenths."""


@dataclass(frozen=True)
class Converted:
    counts: PageCounts
    pages: list[Page]

    @property
    def markdown(self) -> str:
        return "\n\n---\n\n".join(page.markdown for page in self.pages)

    @property
    def warnings(self) -> list[tuple[str, int | None]]:
        return [(warning.code, warning.page) for page in self.pages for warning in page.warnings]

    @property
    def image_names(self) -> list[str]:
        return [image.name for page in self.pages for image in page.images]


Convert = Callable[..., Converted]


@pytest.fixture(scope="session", autouse=True)
def _ocr_models_are_loaded_once() -> Iterator[None]:
    """Share the recogniser: to load its models is most of what a small image costs."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(page_reader, "TextRecognizer", cache(TextRecognizer))
        yield


@pytest.fixture
def convert(tmp_path: Path) -> Convert:
    """Convert bytes of a media type; `pages` as clients write it."""

    def converted(
        content: bytes, media_type: str, pages: str | None = None, password: str | None = None
    ) -> Converted:
        path = tmp_path / "document"
        path.write_bytes(content)
        workspace = tmp_path / "images"
        workspace.mkdir(exist_ok=True)
        options = Options(PageSelection.parse(pages) if pages else None)
        source = Source(path, media_type, "document", password)
        counts, *rest = convert_file(source, options, workspace, threads=1)
        assert isinstance(counts, PageCounts)
        came = [page for page in rest if isinstance(page, Page)]
        for page in came:
            assert_blocks_hold_the_page(page)
        return Converted(counts, came)

    return converted


def blocks_of(page: Page) -> list[Block]:
    assert page.layout is not None
    return [block for n, text in enumerate(page.layout.texts) for block in decode(text, n)]


def assert_blocks_hold_the_page(page: Page) -> None:
    """Check that only white space is outside of blocks, and that boxes lie in their page."""
    place = 0
    for block in blocks_of(page):
        assert place <= block.start < block.end
        assert not page.markdown[place : block.start].strip()
        place = block.end
        for box in (block.box, *(line.box for line in block.lines)):
            if box is not None:
                assert page.width is not None
                assert page.height is not None
                left, top, right, bottom = box
                assert 0 <= left <= right <= page.width + ROUNDING
                assert 0 <= top <= bottom <= page.height + ROUNDING
    assert not page.markdown[place:].strip()
