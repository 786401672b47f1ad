"""Random OpenDocument texts: every word comes out once, in order, and no loss is told."""

from __future__ import annotations

import re
from collections.abc import Callable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ilios.engines.detection import media_types
from tests.unit.engines.embedded.conftest import Convert
from tests.unit.engines.embedded.office.odt.test_document import document_of, row, text_style

STYLES = (
    text_style("Raised", 'style:text-position="super 58%"')
    + text_style("Loud", 'fo:font-weight="bold" fo:font-style="italic"')
    + '<text:list-style style:name="L1"><text:list-level-style-number text:level="1" '
    'style:num-format="1" style:num-suffix="."/><text:list-level-style-number text:level="2" '
    'style:num-format="i"/></text:list-style>'
)
Build = Callable[[list[str]], str]
"""Takes the words that a block has, in order; returns its XML."""


def runs(words: list[str]) -> str:
    """Write words as runs in several styles, some of them split amid a word."""
    styles = ("Loud", "", "Raised", "")
    return " ".join(
        f'<text:span text:style-name="{styles[place % 4]}">{word[:3]}</text:span>{word[3:]}'
        if styles[place % 4]
        else f"{word}<text:s/>"
        for place, word in enumerate(words)
    )


def paragraph(words: list[str]) -> str:
    return f"<text:p>{runs(words)}</text:p>"


def heading(words: list[str]) -> str:
    return f'<text:h text:outline-level="2">{runs(words)}</text:h>'


def nested(words: list[str]) -> str:
    """Write a list whose first item holds the others one level deeper."""
    first, *others = words
    inner = "".join(f"<text:list-item>{paragraph([word])}</text:list-item>" for word in others)
    below = f"<text:list>{inner}</text:list>" if inner else ""
    item = f"<text:list-item>{paragraph([first])}{below}</text:list-item>"
    return f'<text:list text:style-name="L1">{item}</text:list>'


def table(words: list[str]) -> str:
    return f"<table:table>{''.join(row(word, word + 'x') for word in words)}</table:table>"


def box(words: list[str]) -> str:
    inside = f"<draw:text-box>{paragraph(words)}</draw:text-box>"
    return f"<text:p><draw:frame>{inside}</draw:frame></text:p>"


def section(words: list[str]) -> str:
    return f"<text:section>{nested(words)}{paragraph(['and'])}</text:section>"


BLOCKS: tuple[Build, ...] = (paragraph, heading, nested, table, box, section)


@settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    chosen=st.lists(st.tuples(st.sampled_from(BLOCKS), st.integers(1, 4)), min_size=1, max_size=8)
)
def test_every_word_of_a_document_comes_once_and_in_order(
    convert: Convert, chosen: list[tuple[Build, int]]
) -> None:
    names = iter(f"{chr(97 + n // 26)}{chr(97 + n % 26)}word" for n in range(600))
    blocks = [(build, [next(names) for _ in range(count)]) for build, count in chosen]
    document = document_of("".join(build(words) for build, words in blocks), STYLES)

    page = convert(document, media_types.ODT)

    text = re.sub(r"</?sup>|\*", "", page.markdown)
    assert re.findall(r"\b[a-z]{2}word\b", text) == [word for _, words in blocks for word in words]
    assert page.warnings == []
