"""Plain text of long pages: what comes in pieces is what one parse would give."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ilios.engines import text_pieces
from ilios.engines.plain_text import plain_text
from ilios.engines.text_pieces import plain_pieces

PROSE = "Herons **wait** in the reeds, `still` and [patient](https://example.com/a)."
BLOCKS = {
    "paragraphs": "\n\n".join(f"{PROSE} {n}" for n in range(60)),
    "headings": "\n\n".join(f"# Part {n}\n\n{PROSE}" for n in range(40)),
    "a list": "\n".join(f"- {PROSE}" for _ in range(60)),
    "a list in a list": "\n\n".join(f"- {n}\n    - {PROSE}" for n in range(60)),
    "numbers": "\n\n".join(f"{n}. {PROSE}" for n in range(1, 60)),
    "a table": "| a | b |\n| --- | --- |\n" + "\n".join(f"| {n} | {PROSE} |" for n in range(60)),
    "a table of one column": "| a |\n| --- |\n" + "\n".join(f"| {PROSE} |" for _ in range(60)),
    "code": "```python\n" + "\n".join(f"x[{n}] = '{PROSE}'" for n in range(60)) + "\n```\n\nend",
    "code with gaps": "~~~\n" + "\n\n".join(f"# {n} {PROSE}" for n in range(60)) + "\n~~~",
    "lines": "\n".join(f"{n} {PROSE}" for n in range(60)),
    "quotations": "\n\n".join(f"> {PROSE}\n> {PROSE}" for _ in range(30)),
    "one line": " ".join(f"word{n}" for n in range(900)),
    "one word": "x" * 5_000,
    "brackets": "[" * 3_000,
    "backslashes": "\\*" * 3_000,
    "signs that begin blocks": "a " + "#" * 3_000,
}


@pytest.fixture(autouse=True)
def _little_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_pieces, "PARSED_MAX_CHARACTERS", 500)
    monkeypatch.setattr(text_pieces, "ROW_MAX_CHARACTERS", 8_000)


def cut(text: str, size: int) -> Iterator[str]:
    return (text[start : start + size] for start in range(0, len(text), size))


@pytest.mark.parametrize("size", [7, 100, 10_000])
@pytest.mark.parametrize("kind", BLOCKS)
def test_the_text_is_the_same_as_of_the_whole_page(kind: str, size: int) -> None:
    pieces = list(plain_pieces(cut(BLOCKS[kind], size)))

    assert "".join(pieces) == plain_text(BLOCKS[kind])
    assert len(pieces) > 5


def test_a_short_page_is_parsed_as_a_whole() -> None:
    assert list(plain_pieces(["[a", "]: x\n\nsee [a]"])) == ["see a"]
    assert list(plain_pieces([])) == []


def test_a_row_that_is_longer_than_what_is_parsed_at_once_stays_a_row() -> None:
    rows = [f"| {'a ' * 500}| b |", f"| {'c ' * 500}| d |"]
    table = "\n".join(["| x | y |", "| --- | --- |", *rows])

    assert "".join(plain_pieces(cut(table, 64))) == plain_text(table)


def test_what_has_no_place_to_cut_is_written_all_the_same() -> None:
    table = "| x | y |\n| --- | --- |\n| " + "word " * 4_000

    text = "".join(plain_pieces(cut(table, 1_000)))

    assert text.count("word") == 4_000
