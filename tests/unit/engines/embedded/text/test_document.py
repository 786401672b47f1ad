"""Plain text and Markdown files."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from ilios.engines.detection import media_types
from ilios.engines.embedded.text.document import from_plain_text
from tests.unit.engines.embedded.conftest import Convert

RENDERER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
WORDS = ["heron", "ibis", "Ÿser", "naïve", "鶴", "Straße", "x2", "1986", "O'Neil"]
NUMBERS = ["1.", "2.", "3.", "2)", "07.", "1986."]
SIGNS = ["-", "*", "+", ">", "#", "##", "~~~", "```", "|", "|---|---|", "===", "---", "**", "\\"]
MARKUP = ["![](x)", "<b>", "</b>", "&amp;", "_", "[a]:"]


def test_plain_text_means_itself(convert: Convert) -> None:
    content = b"# not a heading\nfive * six\n\nA  <b>  _x_"

    assert convert(content, media_types.PLAIN).markdown == (
        "\\# not a heading  \nfive \\* six\n\nA  \\<b>  \\_x\\_"
    )


@pytest.mark.parametrize(
    ("content", "markdown"),
    [
        (b"# Title\n\n- *one*\n", "# Title\n\n- *one*"),
        (b"\n  \n    x = 1\n\nText\n", "    x = 1\n\nText"),
    ],
)
def test_markdown_stays_as_it_is(convert: Convert, content: bytes, markdown: str) -> None:
    assert convert(content, media_types.MARKDOWN).markdown == markdown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("1. reed\n2. sedge\n3. rush", "1. reed 2. sedge 3. rush"),
        ("7) reed\n\n8) sedge", "7. reed 8. sedge"),
        ("1. reed\n1. sedge", "1. reed 1. sedge"),
        ("2. reed\n5. sedge", "2. reed 5. sedge"),
        ("1. reed\n2. sedge\n\n1. rush\n2. moss", "1. reed 2. sedge 1. rush 2. moss"),
        ("1. reed\n2. sedge\n\n4. rush\n5. moss", "1. reed 2. sedge 4. rush 5. moss"),
        ("1. reed\n2. sedge\n\nThen\n\n4. rush\n5. moss", "1. reed 2. sedge Then 4. rush 5. moss"),
        ("03. May\n04. May", "03. May 04. May"),
        ("1986. A year", "1986. A year"),
        ("- reed\n- sedge", "• reed • sedge"),
        ("- 5 °C\n+ 7 °C", "- 5 °C + 7 °C"),
        ("* * *", "* * *"),
    ],
)
def test_the_numbers_and_signs_of_lines_are_shown_as_they_are_typed(text: str, shown: str) -> None:
    assert " ".join(rendered(from_plain_text(text)).split()) == shown


@given(
    st.lists(
        st.lists(st.sampled_from(WORDS + NUMBERS + SIGNS + MARKUP), min_size=1, max_size=5).map(
            " ".join
        ),
        min_size=1,
        max_size=12,
    ),
    st.lists(st.sampled_from(["\n", "\n\n", "\n\n    ", "\n  "]), min_size=12, max_size=12),
)
@settings(deadline=None, max_examples=150)
def test_every_word_is_shown_once_and_in_order(lines: list[str], breaks: list[str]) -> None:
    text = "".join(line + end for line, end in zip(lines, breaks, strict=False))

    shown = rendered(from_plain_text(text))

    assert re.findall(r"[^\W_]+", shown) == re.findall(r"[^\W_]+", text)


def rendered(markdown: str) -> str:
    """Return the text that a reader of the Markdown sees, with the numbers of lists."""
    return "".join(_shown(RENDERER.parse(markdown), []))


def _shown(tokens: list[Token], numbers: list[int | None]) -> Iterator[str]:
    for token in tokens:
        if token.type == "ordered_list_open":
            numbers.append(int(token.attrGet("start") or 1))
        elif token.type == "bullet_list_open":
            numbers.append(None)
        elif token.type.endswith("_list_close"):
            numbers.pop()
        elif token.type == "list_item_open":
            number = numbers[-1]
            yield "\n• " if number is None else f"\n{number}. "
            numbers[-1] = None if number is None else number + 1
        elif token.type == "inline":
            yield from _shown(token.children or [], numbers)
        elif token.type in ("softbreak", "hardbreak") or token.type.endswith("_close"):
            yield "\n"
        else:
            yield token.content
