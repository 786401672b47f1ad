"""Results as Markdown, text and JSON, from pages."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from ilios.api.responses import content
from ilios.api.responses.image_links import folder_of
from ilios.documents.result_pages import ResultPage
from ilios.engines import json_pieces
from ilios.engines.json_pieces import Fields
from ilios.engines.plain_text import plain_text


class HeldPage(ResultPage):
    """A page that no database has to hold."""

    def __init__(self, pieces: list[str], image_names: frozenset[str], number: int) -> None:
        self._pieces = pieces
        self._image_names = image_names
        self._number = number

    @property
    def number(self) -> int:
        return self._number

    @property
    def image_names(self) -> frozenset[str]:
        return self._image_names

    def pieces(self) -> Iterator[str]:
        return iter(self._pieces)


def page(markdown: str, *images: str, piece: int = 1_000, number: int = 1) -> ResultPage:
    pieces = [markdown[start : start + piece] for start in range(0, len(markdown), piece)]
    return HeldPage(pieces or [""], frozenset(images), number)


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

    linked = "".join(content.markdown_of([first, second], folder_of("d")))

    own = "/api/documents/d/images/img-1.png"
    assert linked == (
        f"![a]({own}) ![b](img-1.png.bak) [c]({own} 'title')\n\n---\n\n![a](img-1.png)"
    )


def test_a_separator_names_the_page_that_follows() -> None:
    pages = [page("one", number=3), page("two", number=7), page("{page}", number=8)]

    joined = "".join(content.markdown_of(pages, "", "<{page}>"))

    assert joined == "one<7>two<8>{page}"


def test_json_is_emitted_page_by_page() -> None:
    given: list[int] = []

    def pages() -> Iterator[ResultPage]:
        for number in range(3):
            given.append(number)
            yield page(f'"{number}"\n\x00\u2028🙂' + "x" * json_pieces.WRITTEN_AT_ONCE)

    text = json_pieces.Text(content.markdown_of(pages(), ""))
    pieces = json_pieces.written(Fields({"id": "d", "content": text, "tail": None}))
    assert given == []
    assert next(pieces)
    assert given == [0]
    assert "".join(pieces).endswith('", "tail": null}')


def test_json_holds_the_same_content_as_markdown() -> None:
    def markdown() -> Iterator[str]:
        return content.markdown_of([page('"quoted" \\ \n\x00\u2028🙂'), page("two")], "")

    text = json_pieces.Text(markdown())
    written = "".join(json_pieces.written(Fields({"id": "d", "content": text, "tail": [1]})))
    assert json.loads(written) == {"id": "d", "content": "".join(markdown()), "tail": [1]}
