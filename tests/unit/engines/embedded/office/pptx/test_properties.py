"""Any presentation: every word comes out once, in order, and nothing else is told."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ilios.engines.base import Options, Page, Source
from ilios.engines.detection import media_types
from ilios.engines.embedded.conversion import convert_file
from tests.unit.engines.embedded.office.decks import deck, group, paragraph, shape

RUN = st.sampled_from(
    ["", "<a:rPr b='1'/>", "<a:rPr i='1'/>", "<a:rPr strike='sngStrike'/>", "<a:rPr lang='en'/>"]
)
BULLET = st.sampled_from(
    ["", "<a:buNone/>", "<a:buChar char='•'/>", "<a:buAutoNum type='alphaLcPeriod'/>"]
)
PARAGRAPH = st.tuples(st.integers(0, 3), BULLET, st.lists(RUN, min_size=1, max_size=3))
TEXT = st.tuples(st.just("text"), st.lists(PARAGRAPH, min_size=1, max_size=3))
TABLE = st.tuples(st.just("table"), st.tuples(st.integers(2, 3), st.integers(2, 3)))
GROUP = st.tuples(st.just("group"), st.lists(TEXT, min_size=1, max_size=3))
SLIDES = st.lists(st.lists(TEXT | TABLE | GROUP, min_size=1, max_size=4), min_size=1, max_size=3)


class Words:
    """Gives words that tell themselves apart from labels and markup."""

    def __init__(self) -> None:
        self.count = 0

    def next(self) -> str:
        self.count += 1
        return f"word{self.count:03}"


def written(item: tuple[str, Any], words: Words, top: int) -> str:
    kind, content = item
    if kind == "text":
        return shape(body="".join(_paragraph(each, words) for each in content), at=(0, top))
    if kind == "group":
        inner = [written(each, words, 900_000 * place) for place, each in enumerate(content)]
        scale = '<a:chOff x="0" y="0"/><a:chExt cx="10" cy="10"/>'
        return group("".join(inner), at=(0, top), size=(10, 10), inner=scale)
    rows, columns = content
    cells = [
        "".join(
            f"<a:tc><a:txBody>{paragraph(words.next())}</a:txBody></a:tc>" for _ in range(columns)
        )
        for _ in range(rows)
    ]
    table = "".join(f"<a:tr>{row}</a:tr>" for row in cells)
    place = f'<p:xfrm><a:off x="0" y="{top}"/></p:xfrm>'
    return f"<p:graphicFrame>{place}<a:tbl>{table}</a:tbl></p:graphicFrame>"


def _paragraph(item: tuple[int, str, list[str]], words: Words) -> str:
    level, bullet, styles = item
    runs = "".join(f"<a:r>{style}<a:t>{words.next()} </a:t></a:r>" for style in styles)
    return f'<a:p><a:pPr lvl="{level}">{bullet}</a:pPr>{runs}</a:p>'


@settings(max_examples=40)
@given(SLIDES)
def test_every_word_of_a_presentation_comes_out_once_in_order(
    tmp_path_factory: pytest.TempPathFactory, slides: list[list[tuple[str, Any]]]
) -> None:
    folder = tmp_path_factory.mktemp("deck")
    words = Words()
    drawn = [
        [written(item, words, 10_000_000 * place) for place, item in enumerate(slide)]
        for slide in slides
    ]
    # The order in the file is not the order on the slide.
    content = deck(*("".join(reversed(slide)) for slide in drawn))
    (folder / "document").write_bytes(content)
    source = Source(folder / "document", media_types.PPTX, "deck")

    found = convert_file(source, Options(None), folder, threads=1)
    pages = [page for page in found if isinstance(page, Page)]

    text = " ".join(page.markdown for page in pages)
    assert re.findall(r"word\d+", text) == [f"word{n:03}" for n in range(1, words.count + 1)]
    assert [warning for page in pages for warning in page.warnings] == []
