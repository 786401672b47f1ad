"""Documents, converted by the embedded engine in this process."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from ilios.engines.base import Options, Page, Source
from ilios.engines.detection import media_types
from ilios.engines.embedded.conversion import convert_file


def source(path: Path) -> Source:
    """Return a file as an engine takes it."""
    with path.open("rb") as file:
        return Source(path, media_types.sniff(file, path.name), path.name)


def pages(file: Source) -> Iterator[Page]:
    """Yield the pages of a document. Raise ConversionError if it cannot be converted."""
    with tempfile.TemporaryDirectory() as workspace:
        for page in convert_file(file, Options(), Path(workspace), threads=2):
            if isinstance(page, Page):
                yield page
