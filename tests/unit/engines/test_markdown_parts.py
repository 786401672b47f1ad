"""Markdown that comes in pieces: its parts make it up, and long blocks are cut at rows or words."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ilios.engines import markdown_parts
from ilios.engines.markdown_parts import Part, parts
from ilios.engines.markdown_structure import blocks
from tests.unit.engines.embedded.linear.test_linear import is_linear, processor_time
from tests.unit.engines.test_markdown_structure import markdown

HEAD = "| a | b |\n| --- | --- |\n"


def cut(text: str, size: int) -> Iterator[str]:
    return (text[place : place + size] for place in range(0, len(text), size))


@pytest.fixture
def short_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(markdown_parts, "PART_MAX_CHARACTERS", 40)
    monkeypatch.setattr(markdown_parts, "ROW_MAX_CHARACTERS", 150)


def found(text: str, size: int = 16) -> list[Part]:
    return list(parts(cut(text, size)))


@given(text=markdown, size=st.integers(1, 50), most=st.integers(1, 60))
def test_the_parts_of_a_text_make_it_up(text: str, size: int, most: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(markdown_parts, "PART_MAX_CHARACTERS", most)
        patch.setattr(markdown_parts, "ROW_MAX_CHARACTERS", most * 3)
        found = list(parts(cut(text, size)))

    assert "".join(part.text for part in found) == text
    assert all(after.start == part.start + len(part.text) for part, after in pairwise(found))
    assert all(part.text for part in found)


@given(markdown)
def test_a_short_text_has_a_part_for_each_block(text: str) -> None:
    assume(text.strip())

    assert [part.type for part in parts([text])] == [block.type for block in blocks(text)]


@pytest.mark.usefixtures("short_parts")
def test_a_long_table_is_cut_between_its_rows_and_knows_its_head() -> None:
    rows = [f"| row {number} | {'x' * 9} |\n" for number in range(9)]

    first, *others, end = found(f"{HEAD}{''.join(rows)}\nend")

    assert first.text.startswith(HEAD)
    assert {part.type for part in (first, *others)} == {"table"}
    assert {part.opening for part in others} == {HEAD}
    assert all(part.text.strip().startswith("| row") for part in others)
    assert not any(part.is_whole for part in (first, *others))
    assert (end.text, end.is_whole, end.opening) == ("end", True, "")


@pytest.mark.usefixtures("short_parts")
def test_a_long_row_is_one_part_up_to_its_bound() -> None:
    row = f"| {'w ' * 40}| b |\n"
    too_long = f"| {'w ' * 90}| b |\n"

    texts = [part.text for part in found(f"{HEAD}{row}| 1 | 2 |\n{too_long}")]

    assert row in texts
    assert too_long not in texts
    assert "".join(texts) == f"{HEAD}{row}| 1 | 2 |\n{too_long}"


@pytest.mark.usefixtures("short_parts")
def test_long_code_is_cut_between_its_lines_and_knows_its_fence() -> None:
    code = "~~~python\n" + "".join(f"# line {number}\n" for number in range(9)) + "~~~\n"

    first, *others = found(f"{code}\n# title")

    assert (first.type, first.closing) == ("code", "\n~~~")
    assert {(part.type, part.opening) for part in others[:-1]} == {("code", "~~~python\n")}
    assert [part.closing for part in others[-2:]] == ["", ""]
    assert (others[-1].type, others[-1].level) == ("title", 1)


@pytest.mark.usefixtures("short_parts")
def test_a_long_table_in_html_is_cut_between_its_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(markdown_parts, "ROW_MAX_CHARACTERS", 1_000)  # it is held up to there
    head = "<table><thead><tr><th>a</th></tr></thead><tbody>"
    inner = "<table><tr><td>1</table>"
    rows = [f"<tr><td>{number}</td></tr>" for number in range(4)]
    text = f"{head}{rows[0]}<tr><td>{inner}</td></tr>{''.join(rows[1:])}</tbody></table>"

    first, *others = found(text)

    assert first.text.startswith("<table>")
    assert first.closing == "</table>"
    assert {part.opening for part in others} == {head.removesuffix("<tbody>")}
    assert not any(part.text.startswith(inner[7:]) for part in others)


@pytest.mark.usefixtures("short_parts")
def test_other_text_is_cut_between_its_words() -> None:
    text = "word " * 30

    found_ = found(text)

    assert {part.type for part in found_} == {"text"}
    assert all(part.text.startswith("word") for part in found_)
    assert [part.is_whole for part in found_[:1]] == [False]


@pytest.mark.parametrize(
    "text", ["a\n\n", "| a | b |\n| --- | --- |\n" + "| 1 | 2 |\n" * 9, "a ", "x", "- a\n", "```\n"]
)
def test_time_grows_with_the_text(text: str) -> None:
    def seconds(n: int) -> float:
        with processor_time() as taken:
            list(parts(cut(text * (n // len(text)), 65_536)))
        return taken[0]

    assert is_linear(seconds, 400_000)
