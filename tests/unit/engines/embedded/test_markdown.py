"""Writing Markdown: spans and tables."""

from __future__ import annotations

import pytest

from ilios.engines.embedded import links, markdown
from ilios.engines.embedded.markdown import Span


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([Span("a "), Span("b", bold=True), Span(" c")], "a **b** c"),
        ([Span("a "), Span("b", bold=True), Span(", c")], "a b, c"),
        ([Span("a", italic=True), Span("b", italic=True)], "*ab*"),
        ([Span("1. start")], "1\\. start"),
        ([Span("one\n- two")], "one  \n\\- two"),
        (
            [Span("a", italic=True), Span(" b", target="https://a.b"), Span(" c", code=True)],
            "*a* [b](https://a.b) `c`",
        ),
    ],
)
def test_spans_become_inline_markdown(spans: list[Span], expected: str) -> None:
    assert markdown.inline(spans) == expected


FORMULA = Span("$x$", formula=True)


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([Span("let "), FORMULA, Span("-axis *")], r"let $x$-axis \*"),
        ([FORMULA, FORMULA], "$x$ $x$"),
        ([FORMULA, Span("2 m")], "$x$ 2 m"),
        ([Span("for $5 "), FORMULA], r"for \$5 $x$"),
        ([Span("$a_b$ and $$")], r"\$a\_b\$ and \$\$"),
        ([Span("$5 or $6")], "$5 or $6"),
        ([Span("$$x$$", formula=True, bold=True)], "$$x$$"),
    ],
)
def test_formulas_and_dollars_are_told_apart(spans: list[Span], expected: str) -> None:
    assert markdown.inline(spans) == expected
    assert markdown.inline(spans, styled=False) == expected


def test_a_table_loses_what_is_empty() -> None:
    rows = [["a", "", "b"], ["", "", ""], ["c", "", ""]]

    assert markdown.table(rows) == "| a | b |\n| --- | --- |\n| c |  |"


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([Span("10"), Span("6", superscript=True), Span(" m")], "10⁶ m"),
        ([Span("10", bold=True), Span("−3", bold=True, superscript=True)], "**10⁻³**"),
        ([Span("H"), Span("2", subscript=True), Span("O")], "H₂O"),
        ([Span("1"), Span("st", superscript=True)], "1<sup>st</sup>"),
        ([Span("x"), Span("<b>", superscript=True)], "x<sup>\\<b></sup>"),
        ([Span("x"), Span(" a ", subscript=True), Span("y")], "x <sub>a</sub> y"),
        ([Span("\ufdd0x\ufdd1")], "x"),
    ],
)
def test_raised_and_lowered_text_stays_so(spans: list[Span], expected: str) -> None:
    assert markdown.inline(spans) == expected


def test_scripts_can_be_written_without_spans() -> None:
    assert markdown.superscript("2") + markdown.subscript("max") == "²<sub>max</sub>"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("~~~", "\\~\\~\\~"),
        ("~5 to ~7", "~5 to ~7"),
        ("# 5 bolts", "\\# 5 bolts"),
        ("1986. A year", "1986\\. A year"),
        ("![a](b.png)", "![a\\](b.png)"),
        ("[1]: see there", "\\[1]: see there"),
        ("as in [^1]", "as in \\[^1]"),
        ("--", "\\--"),
        ("=", "\\="),
        ("| --- | --- |", "\\| --- | --- |"),
        ("<b>bold</b>", "\\<b>bold\\</b>"),
        ("&amp;", "\\&amp;"),
        ("+ 5", "\\+ 5"),
        ("> 5", "\\> 5"),
        ("-5 °C", "-5 °C"),
        ("9 - 5", "9 - 5"),
    ],
)
def test_text_never_becomes_markup(text: str, expected: str) -> None:
    assert markdown.escaped_line(text) == expected


def test_the_hashes_that_end_a_heading_stay() -> None:
    assert markdown.heading(2, "Programs in C #") == "## Programs in C \\#"


@pytest.mark.parametrize(
    ("cell", "expected"), [("a|b", "a\\|b"), ("a\\|b", "a\\|b"), ("a\\\\|b", "a\\\\\\|b")]
)
def test_a_bar_never_splits_a_cell(cell: str, expected: str) -> None:
    assert markdown.table([[cell, "x"]]).startswith(f"| {expected} | x |")


def test_a_list_that_begins_deep_is_no_code() -> None:
    item = markdown.list_item
    parts = [item(1, "-", "a"), item(2, "-", "b"), item(1, "-", "c"), item(0, "-", "d")]

    assert markdown.blocks(parts) == "- a\n    - b\n- c\n- d"


def test_a_list_that_goes_on_deep_after_a_paragraph_is_no_code() -> None:
    item = markdown.list_item
    parts = [item(0, "1.", "a"), markdown.indented("in a"), "text", item(1, "2.", "b")]

    assert markdown.blocks(parts) == "1. a\n\n    in a\n\ntext\n\n2. b"


def test_a_label_that_is_no_number_stands_before_the_text() -> None:
    assert markdown.labelled("(b)", "second") == "(b) second"
    assert markdown.labelled("1.", "first") == "1\\. first"


@pytest.mark.parametrize(
    ("spans", "written"),
    [
        ([Span("a_b", code=True)], "`a_b`"),
        ([Span("a", code=True), Span("b", code=True)], "`ab`"),
        ([Span("see "), Span(" x\ny ", code=True), Span("z")], "see `x`  \n`y` z"),
        ([Span("`", code=True)], "`` ` ``"),
        ([Span("f", code=True, target="https://e.org")], "[`f`](https://e.org)"),
        ([Span("[", superscript=True), Span("1]", superscript=True)], "<sup>[1]</sup>"),
    ],
)
def test_code_and_raised_text_are_written_as_whole_runs(spans: list[Span], written: str) -> None:
    assert markdown.inline(spans) == written


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([Span("<"), Span("b>", bold=True)], r"\<b>"),
        ([Span("R&"), Span("am", italic=True), Span("p;")], r"R\&amp;"),
        ([Span("a]"), Span("(b)", bold=True)], r"a\](b)"),
        ([Span("wow!"), Span("here", target="https://a.b/c")], r"wow\![here](https://a.b/c)"),
        ([Span("wow!"), Span("[^1]", raw=True)], r"wow\![^1]"),
        ([Span("a"), Span("[^1]", raw=True), Span("(b)")], r"a[^1]\(b)"),
        ([Span("[^1]", raw=True), Span(": b")], r"[^1]\: b"),
        ([Span("a"), Span("[^1]", raw=True), Span(": b")], "a[^1]: b"),
        ([Span("a", code=True), Span("b", code=True, bold=True)], "`a`b"),
        ([Span("$a"), Span("b$", bold=True)], r"\$ab\$"),
        ([Span("[a\nb]: c")], "\\[a  \nb]: c"),
        ([Span("<1@b.c>")], r"\<1@b.c>"),
    ],
)
def test_signs_of_two_spans_together_are_no_markup(spans: list[Span], expected: str) -> None:
    assert markdown.inline(spans) == expected


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("see [1]", "see [1]"),
        ("a] b", r"a\] b"),
        ("![a", r"!\[a"),
        ("[^1]", r"\[^1\]"),
        ("[a](b)", r"\[a\](b)"),
    ],
)
def test_the_label_of_a_link_ends_where_the_link_ends(label: str, expected: str) -> None:
    written = markdown.inline([Span(label, target="https://a.b/c")])

    assert written == f"[{expected}](https://a.b/c)"


def test_descriptions_of_images_are_no_markup() -> None:
    assert markdown.image("a.png", "a*b [c] $x$\\") == r"![a\*b c \$x\$\\](a.png)"


def test_a_label_and_its_text_are_no_definition_of_a_link() -> None:
    assert markdown.labelled("[a", "b]: c") == r"\[a b]: c"


@pytest.mark.parametrize(
    ("target", "is_safe"),
    [
        ("https://a.b/c?d=e#f", True),
        ("MAILTO:a@b.c", True),
        ("tel:+49", True),
        ("javascript:alert(1)", False),
        ("java\nscript:x", False),
        (" https://a.b", False),
        ("\x01javascript:x", False),
        ("javascript&colon;x", False),
        ("data:text/html,x", False),
        ("vbscript:x", False),
        ("//a.b", False),
        ("https://a.b/" + "c" * 2_000, False),
    ],
)
def test_links_lead_to_the_web_to_mailboxes_and_telephones(target: str, is_safe: bool) -> None:
    assert links.is_safe(target) is is_safe


@pytest.mark.parametrize(
    ("target", "written"),
    [
        ("http://a/(b)", "http://a/%28b%29"),
        ("http://a/b\\", "http://a/b%5C"),
        ("http://a/<b c>", "http://a/%3Cb%20c%3E"),
        ("http://a?b&c=d", "http://a?b&c=d"),
        ("http://a?b&copy;", "http://a?b&amp;copy;"),
    ],
)
def test_an_address_stands_whole_between_its_brackets(target: str, written: str) -> None:
    assert links.address(target) == written


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("Ibid.", "[^1]: Ibid. &nbsp;"),
        ("http://a.b", "[^1]: http://a.b &nbsp;"),
        ('Lee "so"', '[^1]: Lee "so" &nbsp;'),
        ("Two words", "[^1]: Two words"),
        ("", "[^1]:"),
    ],
)
def test_a_note_of_one_word_defines_no_link(text: str, written: str) -> None:
    assert links.note("1", text) == written
