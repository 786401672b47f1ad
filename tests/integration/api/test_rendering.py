"""Results as Markdown, text and JSON, from pages."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from ilios.api.responses import streaming
from ilios.api.responses.plain_text import plain_text
from ilios.documents.result_pages import ResultPage


def page(markdown: str, *images: str, piece: int = 1_000) -> ResultPage:
    pieces = [markdown[start : start + piece] for start in range(0, len(markdown), piece)]
    return ResultPage(frozenset(images), iter(pieces or [""]))


@pytest.mark.parametrize(
    ("markdown", "text"),
    [
        ("# Title\n\nSome **bold** and `code`.", "Title\n\nSome bold and code."),
        ("| a | b |\n|---|---|\n| 1 | **2** |", "a\tb\n1\t2"),
        ("- one\n- two\n  - three\n\nafter", "one\ntwo\nthree\n\nafter"),
        ("[a link](https://example.com) ![an image](x.png)", "a link an image"),
        ("```python\nx = 1\n\ny = 2\n```\nend", "x = 1\n\ny = 2\n\nend"),
        ("> quoted\n\nfirst<br>second", "quoted\n\nfirst\nsecond"),
        ("<div>kept</div>\n\n<!-- gone -->\n\nlast", "kept\n\nlast"),
        ("~~gone~~ a \\* star &amp; more", "gone a * star & more"),
        ("one\ntwo", "one\ntwo"),
        ("6. six\n7. seven\n\n    more", "6. six\n\n7. seven\n\nmore"),
        ("the 1<sup>st</sup> of x<sub>max</sub> and 10⁶", "the 1^st of x_max and 10⁶"),
        (r"so $x_{1}*\frac{a}{2}*y$ holds", "so x_1*a/2*y holds"),
        (r"$$\begin{pmatrix} a & b \\ c & d \end{pmatrix}$$", "(a, b; c, d)"),
        (r"\$5 and \$6, or $5 and A$ more", "$5 and $6, or $5 and A$ more"),
        (r"| $a_{i}$ | 2 |" + "\n|---|---|\n| `$x^{2}$` | $5 |", "a_i\t2\n$x^{2}$\t$5"),
        (r"$\unheard{x}_a*b*$", r"\unheard{x}_a*b*"),
        ("", ""),
    ],
)
def test_text_is_markdown_without_its_markup(markdown: str, text: str) -> None:
    assert plain_text(markdown) == text


@pytest.mark.parametrize("note", ["[^1]: Ibid.", "[^comment-1]: https://example.com/a"])
def test_a_note_of_one_word_is_no_definition_of_a_link(note: str) -> None:
    assert plain_text(f"As said[^1]\n\n{note}") == f"As said[^1]\n\n{note}"
    assert plain_text("See [this][1].\n\n[1]: https://example.com") == "See this."


@pytest.mark.parametrize("piece", [1, 3, 7, 1_000])
def test_only_known_images_are_linked(piece: int) -> None:
    text = "![a](img-1.png) ![b](img-1.png.bak) [c](img-1.png 'title')"
    first = page(text, "img-1.png", piece=piece)
    second = page("![a](img-1.png)", piece=piece)

    linked = "".join(streaming.markdown("d", [first, second]))

    own = "/api/documents/d/images/img-1.png"
    assert linked == (
        f"![a]({own}) ![b](img-1.png.bak) [c]({own} 'title')\n\n---\n\n![a](img-1.png)"
    )


def test_json_is_emitted_page_by_page() -> None:
    given: list[int] = []

    def pages() -> Iterator[ResultPage]:
        for number in range(3):
            given.append(number)
            yield page(f'"{number}"\n\x00\u2028🙂')

    content = streaming.markdown("d", pages())
    pieces = streaming.json_with_content({"id": "d"}, content, {"tail": None})
    assert next(pieces)
    assert given == []
    next(pieces)
    assert given == [0]
    assert "".join(pieces).endswith('", "tail": null}')


def test_json_holds_the_same_content_as_markdown() -> None:
    def content() -> Iterator[str]:
        return streaming.markdown("d", [page('"quoted" \\ \n\x00\u2028🙂'), page("two")])

    text = "".join(streaming.json_with_content({"id": "d"}, content(), {"tail": [1]}))
    assert json.loads(text) == {"id": "d", "content": "".join(content()), "tail": [1]}
