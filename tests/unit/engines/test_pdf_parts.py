"""What the worker's side believes of a child that counts and cuts PDFs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ilios.core.conversion_errors import ParserCrashed
from ilios.engines.base import DocumentInfo, Source
from ilios.engines.detection import media_types
from ilios.engines.parser_messages import END, Message
from ilios.engines.pdf_parts import PdfParts

MOST_PAGES = 10


@pytest.mark.parametrize(
    ("said", "known"),
    [
        (None, {}),
        ([], {}),
        ({"title": "a\0b"}, {"title": "ab"}),
        ({"title": 7, "author": ["A"], "created": "soon"}, {}),
        ({"page_count": 7, "more": "x"}, {}),
        ({"author": "x" * 5_000}, {"author": "x" * 1_000}),
    ],
)
def test_what_a_child_tells_of_a_pdf_is_believed_as_far_as_it_fits(
    said: Any, known: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answers(*_task: Any) -> Iterator[Message]:
        yield {"type": END, "whole": 1, "info": said}

    parts = PdfParts(
        pages=MOST_PAGES, size_bytes=1000, memory_limit_bytes=1024**3, deadline_seconds=1
    )
    monkeypatch.setattr(parts._parsers, "run", answers)

    planned = parts.plan(Source(tmp_path / "source", media_types.PDF, "a.pdf"), None, tmp_path)

    assert planned is not None
    assert [part.info for part in planned.parts] == [DocumentInfo(page_count=1, **known)]


@pytest.mark.parametrize(
    "said",
    [
        *({"type": END, "whole": count} for count in (None, "3", 0, -1, MOST_PAGES + 1, 1.5)),
        *({"type": "pages", "count": count} for count in (None, "3", 0, -1, 10**12, 1.5)),
    ],
)
def test_only_a_count_of_pages_is_believed(
    said: Message, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answers(*_task: Any) -> Iterator[Message]:
        yield said

    parts = PdfParts(
        pages=MOST_PAGES, size_bytes=1000, memory_limit_bytes=1024**3, deadline_seconds=1
    )
    monkeypatch.setattr(parts._parsers, "run", answers)

    with pytest.raises(ParserCrashed):
        parts.plan(Source(tmp_path / "source", media_types.PDF, "a.pdf"), None, tmp_path)
