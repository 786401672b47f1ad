"""The embedded engine: one part per document, and pages or errors from the parser child."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ilios.core.conversion_errors import PagesOutOfRange
from ilios.core.settings import MIB, Settings
from ilios.engines.base import DocumentInfo, Options, Part
from ilios.engines.detection import media_types
from ilios.engines.embedded import engine as engine_module
from ilios.engines.embedded.engine import EmbeddedEngine
from ilios.engines.page_selection import PageSelection
from ilios.engines.page_structure import Link
from tests.support.forking import REPOSITORY
from tests.unit.engines.embedded.conftest import blocks_of

MakePart = Callable[..., Part]


@pytest.fixture(scope="module")
def engine() -> Iterator[EmbeddedEngine]:
    engine = EmbeddedEngine(Settings())
    yield engine
    engine.close()


def test_a_document_is_one_part_whatever_pages_are_selected(
    engine: EmbeddedEngine, make_part: MakePart, tmp_path: Path
) -> None:
    source = make_part(b"Hello", media_types.PLAIN).source

    plan = engine.plan(source, PageSelection.parse("7"), tmp_path)

    assert (plan.page_count, plan.parts) == (None, (Part(source, None),))


def test_a_conversion_costs_nothing_and_keeps_nothing(
    engine: EmbeddedEngine, make_part: MakePart, tmp_path: Path
) -> None:
    progress: list[tuple[int, int]] = []
    kept: list[bytes] = []

    converted = engine.convert(
        make_part(b"Hello", media_types.PLAIN),
        Options(pages=PageSelection.parse("1")),
        tmp_path,
        lambda done, total: progress.append((done, total)),
        kept.append,
    )

    assert [(page.index, page.markdown) for page in converted.pages] == [(0, "Hello")]
    assert (converted.usage.pages, converted.usage.model) == (1, engine.model(Options()))
    assert progress[-1] == (1, 1)
    assert kept == []
    assert not engine.is_paid


def test_pages_come_with_their_structure_and_the_document_with_what_it_says_of_itself(
    engine: EmbeddedEngine, make_part: MakePart, tmp_path: Path
) -> None:
    content = b"# Herons\n\n[wait](http://x)\n\n| a |\n| - |\n\n![](not-here.png)"

    converted = engine.convert(
        make_part(content, media_types.MARKDOWN),
        Options(),
        tmp_path,
        lambda _done, _total: None,
        lambda _answer: None,
    )

    (page,) = converted.pages
    assert [block.type for block in blocks_of(page)] == ["title", "text", "table", "image"]
    assert page.links == (Link("wait", "http://x"),)
    assert [table.id for table in page.tables] == ["table-1-1"]
    assert converted.info == DocumentInfo(page_count=1)


def test_errors_come_back_from_the_child_and_the_next_document_is_converted(
    engine: EmbeddedEngine, make_part: MakePart, tmp_path: Path
) -> None:
    def convert(pages: str) -> int:
        options = Options(pages=PageSelection.parse(pages))
        part = make_part(b"Hello", media_types.PLAIN)
        conversion = engine.convert(
            part, options, tmp_path, lambda _done, _total: None, lambda _answer: None
        )
        return len(conversion.pages)

    with pytest.raises(PagesOutOfRange, match="1 page"):
        convert("2")

    assert convert("1") == 1


def test_a_document_that_runs_out_of_memory_is_read_again_with_more(
    settings: Settings,
    make_part: MakePart,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def out_of_memory(*_: object) -> Iterator[dict[str, object]]:
        yield {"type": "error", "class": "OutOfMemory", "detail": "It needs more memory."}

    part = make_part(b"Hello", media_types.PLAIN)
    engine = EmbeddedEngine(settings)
    monkeypatch.setattr(engine._parsers, "run", out_of_memory)

    converted = engine.convert(part, Options(), tmp_path, lambda *_: None, lambda _: None)

    assert [page.markdown for page in converted.pages] == ["Hello"]


def test_a_scan_that_takes_more_than_most_is_read_where_one_is_at_a_time(
    settings: Settings,
    make_part: MakePart,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(engine_module, "RECOGNITION_BYTES", 300 * MIB)
    part = make_part((REPOSITORY / "samples/scanned-letter.pdf").read_bytes(), media_types.PDF)

    with closing(EmbeddedEngine(settings)) as engine:
        converted = engine.convert(part, Options(), tmp_path, lambda *_: None, lambda _: None)

    assert capsys.readouterr().out.count("parser.out_of_memory") == 1
    assert all(page.markdown for page in converted.pages)
