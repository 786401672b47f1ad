"""What the worker's side believes of a child that counts and cuts PDFs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ilios.core.conversion_errors import ParserCrashed
from ilios.engines.base import Source
from ilios.engines.detection import media_types
from ilios.engines.parser_process import END, Message
from ilios.engines.pdf_parts import PdfParts

MOST_PAGES = 10


@pytest.mark.parametrize("count", [None, "3", 0, -1, MOST_PAGES + 1, 10**12, 1.5])
def test_only_a_count_within_a_part_makes_a_pdf_whole(
    count: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answers(*_task: Any) -> Iterator[Message]:
        yield {"type": END, "whole": count}

    parts = PdfParts(
        pages=MOST_PAGES, size_bytes=1000, memory_limit_bytes=1024**3, deadline_seconds=1
    )
    monkeypatch.setattr(parts._parsers, "run", answers)

    with pytest.raises(ParserCrashed):
        parts.plan(Source(tmp_path / "source", media_types.PDF, "a.pdf"), None, tmp_path)
