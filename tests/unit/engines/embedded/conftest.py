"""Converting bytes through the embedded engine, in the test's own process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from ilios.engines.base import Options, Page, Source
from ilios.engines.embedded.conversion import PageCounts, convert_file
from ilios.engines.page_selection import PageSelection


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


@pytest.fixture
def convert(tmp_path: Path) -> Convert:
    """Convert bytes of a media type; `pages` as clients write it."""

    def converted(content: bytes, media_type: str, pages: str | None = None) -> Converted:
        path = tmp_path / "document"
        path.write_bytes(content)
        workspace = tmp_path / "images"
        workspace.mkdir(exist_ok=True)
        options = Options(PageSelection.parse(pages) if pages else None)
        source = Source(path, media_type, "document")
        counts, *rest = convert_file(source, options, workspace, threads=1)
        assert isinstance(counts, PageCounts)
        return Converted(counts, [page for page in rest if isinstance(page, Page)])

    return converted
