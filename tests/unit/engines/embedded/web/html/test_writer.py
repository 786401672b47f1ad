"""Elements of HTML as Markdown: lists, code, raised text, forms, tables, drawings."""

from __future__ import annotations

import pytest

from ilios.engines.embedded.web.html.document import parsed
from ilios.engines.embedded.web.html.writer import HtmlWriter


def _written(html: str) -> str:
    return HtmlWriter(lambda source: source).write(parsed(html))


@pytest.mark.parametrize(
    ("html", "markdown"),
    [
        ("a 10<sup>9</sup> b", "a 10⁹ b"),
        ("H<sub>2</sub>O", "H₂O"),
        ("word<sup><a href='#n'>[<i></i>12]</a></sup>", "word<sup>[12]</sup>"),
        ("x<span style='vertical-align: super'>2</span>", "x²"),
        ("claim<a role='doc-noteref' href='#f'>3</a>", "claim³"),
        ("Use <code>x_y*z</code> or <kbd>Esc</kbd>", "Use `x_y*z` or `Esc`"),
        ("<code>a`b</code><code>c</code>", "``a`bc``"),
        ("<code>10<sup>9</sup></code>", "`10`⁹"),
        ("<b><code>go</code></b> on", "**`go`** on"),
        ("She said <q>no</q>.", "She said “no”."),
        ("<ruby>麦<rt>むぎ</rt></ruby>の粉", "麦(むぎ)の粉"),
        ("<ruby>麦<rp>(</rp><rt>むぎ</rt><rp>)</rp></ruby>", "麦(むぎ)"),
        ("<ruby>水<rt>すい<rb>車<rt>しゃ</ruby>", "水(すい)車(しゃ)"),
        ("wind&shy;mill", "windmill"),
        ("a<span style='display:block'>b</span>c", "a\n\nb\n\nc"),
        ("<svg><title>t</title><text>Yield <tspan>2023</tspan></text></svg>", "Yield 2023"),
        ("one <embed src='clip.swf'>two", "one two"),
        ("a <?pi x?>b<!-- c --> d", "a b d"),
    ],
)
def test_runs_of_text_keep_their_meaning(html: str, markdown: str) -> None:
    assert _written(html if html.startswith("a<span") else f"<p>{html}</p>") == markdown


@pytest.mark.parametrize(
    ("html", "markdown"),
    [
        ("<ol start=4><li>a<li>b</ol>", "4. a\n5. b"),
        ("<ol start=0><li>a</ol>", "0. a"),
        ("<ol start=-1><li>a<li>b</ol>", "- -1. a\n0. b"),
        ("<ol><li>a<li value=8>b<li>c</ol>", "1. a\n8. b\n9. c"),
        ("<ol reversed><li>a<li>b</ol>", "2. a\n1. b"),
        ("<ol type=a start=26><li>a<li>b</ol>", "- z. a\n- aa. b"),
        ("<ol type=I start=4><li>a</ol>", "- IV. a"),
        ("<ol style='list-style-type: lower-roman'><li>a</ol>", "- i. a"),
        ("<ul style='list-style-type: decimal'><li>a<li>b</ul>", "1. a\n2. b"),
        ("<ol style='list-style: lower-greek' start=24><li>a<li>b</ol>", "- ω. a\n- αα. b"),
        ("<ol style='list-style: none'><li>a</ol>", "- a"),
        ("<ol type=a><li><pre>x</pre></ol>", "- a.\n\n    ```\n    x\n    ```"),
        ("<ol start=1000><li><p>a</p><p>b</p></ol>", "1000. a\n\n      b"),
        ("<ul>above<li>a</li>between<li>b</ul>", "above\n\n- a\n\nbetween\n\n- b"),
        ("<ol><li>a<ul><li>b</ul></ol>", "1. a\n    - b"),
    ],
)
def test_lists_keep_their_numbers_and_all_their_text(html: str, markdown: str) -> None:
    assert _written(html) == markdown


@pytest.mark.parametrize(
    ("html", "lines"),
    [
        ("<pre>a<br>b\n  c</pre>", "a\nb\n  c"),
        ("<pre><code><div>a</div><div>b</div></code></pre>", "a\nb"),
        ("<pre>a<div>b</div>c</pre>", "a\nb\nc"),
        ("<pre>10<sup>9</sup> e<sup>x</sup></pre>", "10⁹ e^x"),
        ("<xmp><b>a</b></xmp>", "<b>a</b>"),
    ],
)
def test_preformatted_text_keeps_its_lines(html: str, lines: str) -> None:
    assert _written(html) == f"```\n{lines}\n```"


def test_a_fence_is_longer_than_those_in_its_text() -> None:
    assert _written("<pre>a\n````\n~~~~\nb</pre>") == "`````\na\n````\n~~~~\nb\n`````"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("<input value='17'>", "17"),
        ("<input type=date value='2024-05-01'>", "2024-05-01"),
        ("<input type=checkbox checked>", "☒"),
        ("<input type=radio>", "☐"),
        ("<input type=password value=x><input type=hidden value=y><input type=submit>", ""),
        ("<textarea>at\nnoon</textarea>", "at noon"),
        ("<select><option>A<option selected>B</select>", "B"),
        ("<select><option>A<option>B</select>", "A"),
        ("<select multiple><option selected>A<option>B<option selected>C</select>", "A, C"),
    ],
)
def test_fields_of_a_form_show_what_was_filled_in(field: str, value: str) -> None:
    assert _written(f"<p>Sacks: {field}</p>") == f"Sacks: {value}".strip()


def test_a_table_keeps_the_order_and_the_words_that_browsers_show() -> None:
    html = """<table><caption>Flour</caption><thead><tr><th>k</th><th>v</th></tr></thead>
        <tfoot><tr><td>sum</td><td>9</td></tr></tfoot>
        <tbody><form><tr><td><p>12</p><p>34</p></td><td><ol><li>x<li>y</ol></td></tr></form>
        <tr><td>wheat<div>rye</div>oat</td><td><code>a|b</code></td></tr></tbody></table>"""

    assert _written(html) == (
        "Flour\n\n| k | v |\n| --- | --- |\n| 12 34 | 1\\. x 2. y |\n| wheat rye oat | `a\\|b` |\n"
        "| sum | 9 |"
    )


@pytest.mark.parametrize("rows", [3_000, 300])
def test_spans_cannot_make_a_table_that_memory_does_not_hold(rows: int) -> None:
    row = "<tr>" + "<td colspan=200 rowspan=200>a</td>" * 20 + "</tr>"

    assert len(_written(f"<table>{row * rows}</table>")) < 10_000_000


def test_the_text_of_a_page_never_becomes_markup() -> None:
    html = "<p># a</p><p>1986. b</p><p>~~~</p><p>![c](d)</p><p>&lt;b&gt;</p><p>+ e</p><p>| f |</p>"

    assert _written(html).split("\n\n") == [
        "\\# a", "1986\\. b", "\\~\\~\\~", "![c\\](d)", "\\<b>", "\\+ e", "| f |"
    ]  # fmt: skip
