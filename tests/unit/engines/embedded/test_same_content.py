"""The same content in every format: the same Markdown, and from it the text again."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ilios.engines.base import Options, Page, Source
from ilios.engines.detection import media_types
from ilios.engines.embedded import markdown
from ilios.engines.embedded.conversion import convert_file
from ilios.engines.plain_text import plain_text
from tests.support.same_content import FORMATS, LINK, Content, Paragraph, Run

FLOWING = [kind for kind in FORMATS if kind != media_types.XLSX]
SIGNS = (
    *"\\`*_{}[]()#+-.!|<>~&;:=$\"'^/ 1aZé%@,?", "~~", "~~~", "```", "**", "__", "$$", "[a]:", "](",
    "![", "<b>", "</b>", "<!--", "-->", "&amp;", "&#65;", "1.", "12)", "- ", "# ", "> ", "---",
    "===", "http://a.b", "<http://a.b>", "a@b.c", "[^1]", "[^1]: ", "|---|", "| a | b |", "<?",
    "\\\\", "word", "中文", "😀", "ﬁ", " a ",
)  # fmt: skip
TEXT = (
    st.lists(st.sampled_from(SIGNS), min_size=1, max_size=8)
    .map(lambda pieces: " ".join("".join(pieces).split()))
    .filter(bool)
)
RUNS = st.lists(st.tuples(TEXT, st.sampled_from(("", "", "bold"))), min_size=1, max_size=3)


def pages_of(content: bytes, media_type: str) -> list[Page]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "document"
        path.write_bytes(content)
        source = Source(path, media_type, "document")
        converted = convert_file(source, Options(None), Path(folder), threads=1)
        return [page for page in converted if isinstance(page, Page)]


def markdown_of(content: Content, media_type: str) -> str:
    (page,) = pages_of(FORMATS[media_type](content), media_type)
    assert page.warnings == ()
    return page.markdown


@pytest.mark.parametrize("media_type", FLOWING)
def test_text_that_looks_like_markup_is_escaped_alike(media_type: str) -> None:
    paragraphs: list[Paragraph] = [
        [Run("a*b_c <i>&amp; [x](y) ~~~ C:\\dir `d`")],
        [Run("- no item\n1. none\n# none\n> none\n---")],
        [Run("from $x$ to $y$, but $5")],
    ]

    assert markdown_of(Content("1. <b>A</b> #", paragraphs), media_type) == (
        "# 1. \\<b>A\\</b> \\#\n\n"
        "a\\*b\\_c \\<i>\\&amp; [x\\](y) \\~\\~\\~ C:\\\\dir \\`d\\`\n\n"
        "\\- no item  \n1\\. none  \n\\# none  \n\\> none  \n\\---\n\n"
        "from \\$x\\$ to \\$y\\$, but \\$5"
    )


@pytest.mark.parametrize("media_type", FLOWING)
def test_looks_and_links_are_written_alike(media_type: str) -> None:
    scripts = [
        Run("10"), Run("6", "sup"), Run(" H"), Run("2", "sub"), Run("O 1"), Run("st", "sup"),
        Run(" "), Run("bold", "bold"), Run(" end"),
    ]  # fmt: skip
    link = [Run("see "), Run("this [1", "link"), Run("(b)")]

    assert markdown_of(Content("", [scripts, link]), media_type) == (
        "10⁶ H₂O 1<sup>st</sup> **bold** end\n\n" + f"see [this \\[1]({LINK})(b)"
    )


@pytest.mark.parametrize("media_type", FLOWING)
def test_labelled_lists_are_written_alike(media_type: str) -> None:
    content = Content(letters=["first_item", "second"])

    assert markdown_of(content, media_type) == "- a) first\\_item\n- b) second"


@pytest.mark.parametrize("media_type", FORMATS)
def test_tables_are_written_alike(media_type: str) -> None:
    rows = [["a|b", "two\nlines"], ["`c|d`", "\\|"], ["$5", "$x$"]]

    assert markdown_of(Content(table=rows), media_type).removeprefix("## S\n\n") == (
        "| a\\|b | two lines |\n| --- | --- |\n| \\`c\\|d\\` | \\\\\\| |\n| $5 | \\$x\\$ |"
    )


@pytest.mark.parametrize("media_type", [kind for kind in FLOWING if kind != media_types.RTF])
def test_formulas_are_written_alike(media_type: str) -> None:
    assert markdown_of(Content(root_of="x"), media_type) == "$\\sqrt{x}$"


@pytest.mark.parametrize(
    "media_type", [media_types.DOCX, media_types.ODT, media_types.RTF, media_types.PPTX]
)
def test_signs_of_symbol_fonts_are_written_alike(media_type: str) -> None:
    content = Content("", [[Run("angle "), Run("a", "symbol"), Run(" here")]])

    assert markdown_of(content, media_type) == "angle α here"


@pytest.mark.parametrize(
    "media_type",
    [media_types.DOCX, media_types.ODT, media_types.RTF, media_types.HTML, media_types.EPUB],
)
def test_hidden_text_is_left_out_alike(media_type: str) -> None:
    content = Content("", [[Run("the "), Run("hidden ", "hidden"), Run("end")]])

    assert markdown_of(content, media_type) == "the end"


@pytest.mark.parametrize("media_type", FORMATS)
@given(data=st.data())
@settings(max_examples=40)
def test_the_text_comes_back_character_by_character(media_type: str, data: st.DataObject) -> None:
    is_sheet = media_type == media_types.XLSX
    drawn = [] if is_sheet else data.draw(st.lists(RUNS, min_size=1, max_size=3))
    paragraphs = [_runs(runs) for runs in drawn]
    rows = data.draw(st.lists(st.tuples(TEXT, TEXT), min_size=2, max_size=3))
    content = Content("" if is_sheet else data.draw(TEXT), paragraphs, table=rows)

    written = markdown_of(content, media_type)

    heading = "S" if is_sheet else content.heading
    expected = [heading, *("".join(run.text for run in runs) for runs in paragraphs)]
    table = "\n".join("\t".join(row) for row in rows)
    assert plain_text(written) == "\n\n".join([*expected, table])


def _runs(drawn: Sequence[tuple[str, str]]) -> Paragraph:
    return [Run(text, look) for text, look in drawn]


def _without_thirds(write: Callable[..., str]) -> Callable[..., str]:
    counted = itertools.count(1)
    return lambda *args, **options: "" if next(counted) % 3 == 0 else write(*args, **options)


def _without_third_parts(write: Callable[..., str]) -> Callable[..., str]:
    return lambda parts: write([part for n, part in enumerate(parts, start=1) if n % 3])


@pytest.mark.parametrize(
    ("function", "breaking"),
    [
        ("inline", _without_thirds),
        ("blocks", _without_third_parts),
        ("table", _without_third_parts),
    ],
)
@pytest.mark.parametrize("media_type", FORMATS)
def test_a_reader_that_loses_text_says_so(
    media_type: str, function: str, breaking: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = Content(
        "",
        [[Run(f"word{n}a word{n}b word{n}c")] for n in range(12)],
        [f"item{n}a item{n}b" for n in range(12)],
        table=[[f"cell{n}a cell{n}b", f"right{n}a"] for n in range(12)],
    )
    if (media_type, function) == (media_types.XLSX, "inline"):
        function = "escaped"  # cells have no runs of their own
    monkeypatch.setattr(markdown, function, breaking(getattr(markdown, function)))

    (page,) = pages_of(FORMATS[media_type](content), media_type)

    (warning,) = page.warnings
    assert warning.code == "text_loss"
    assert warning.message.startswith("About ")
