"""HTML pages: their main text, tables, links, images."""

from __future__ import annotations

import base64

import pytest

from ilios.engines.detection import media_types
from tests.support.sample_files import encoded, noise
from tests.unit.engines.embedded.conftest import Convert

PAGE = """<!doctype html><html><head><title>Site | Page</title><style>p {}</style></head><body>
<header class="site-header"><a href="/">Home</a> <a href="/blog">Blog</a></header>
<nav><ul><li><a href="/a">Menu entry</a></li></ul></nav>
<main><h1>Ducks</h1>
<p>A <b>duck</b> swims, see <a href="https://example.org/duck">the guide</a>. It likes water, as
most of its relatives do, and it is found on every continent but one.</p>
<ol start="3"><li>bread</li><li>corn<ul><li>yellow</li></ul></li></ol>
<table><tr><th>Kind</th><th colspan="2">Size</th></tr>
<tr><td rowspan="2">Eider</td><td>50</td><td>cm</td></tr><tr><td>2</td><td>kg</td></tr></table>
<pre>x = 1
y = 2</pre></main>
<footer>© Site</footer><script>alert(1)</script></body></html>"""


def test_a_web_page_loses_its_menus_and_keeps_its_text(convert: Convert) -> None:
    markdown = convert(PAGE.encode(), media_types.HTML).markdown

    assert markdown.split("\n\n") == [
        "# Ducks",
        "A **duck** swims, see [the guide](https://example.org/duck). It likes water, as most of "
        "its relatives do, and it is found on every continent but one.",
        "3. bread\n4. corn\n    - yellow",
        "| Kind | Size |  |\n| --- | --- | --- |\n| Eider | 50 | cm |\n|  | 2 | kg |",
        "```\nx = 1\ny = 2\n```",
    ]


def test_a_page_without_a_heading_gets_its_title(convert: Convert) -> None:
    page = b"<title>My page</title><p>Some text</p>"

    assert convert(page, media_types.HTML).markdown == "# My page\n\nSome text"


def test_a_numbered_heading_needs_no_escape_but_a_numbered_paragraph_does(
    convert: Convert,
) -> None:
    page = b"<html><body><h2>4. Results</h2><p>5. is a number, no list.</p></body></html>"

    markdown = convert(page, media_types.HTML).markdown

    assert markdown == "## 4. Results\n\n5\\. is a number, no list."


@pytest.mark.parametrize("target", ["javascript:alert(1)", "#top", "/relative", "data:text/html,x"])
def test_only_links_that_lead_somewhere_are_kept(convert: Convert, target: str) -> None:
    page = f'<h1>T</h1><p>Go <a href="{target}">there</a> now</p>'

    assert convert(page.encode(), media_types.HTML).markdown == "# T\n\nGo there now"


def test_cells_of_a_table_in_a_cell_stay_apart(convert: Convert) -> None:
    inner = "<table><tr><td>a</td><td>b</td></tr></table>"
    rows = f"<tr><th>x</th><th>y</th></tr><tr><td>{inner}</td><td>c</td></tr><tr><td>d</td></tr>"

    markdown = convert(f"<h1>T</h1><table>{rows}</table>".encode(), media_types.HTML).markdown

    assert "| a b | c |" in markdown


def test_a_formula_is_written_once(convert: Convert) -> None:
    formula = (
        "<math><semantics><msup><mi>x</mi><mn>2</mn></msup>"
        '<annotation encoding="application/x-tex">x^{2}</annotation></semantics></math>'
    )

    assert (
        convert(f"<h1>T</h1><p>{formula}</p>".encode(), media_types.HTML).markdown
        == "# T\n\n$x^{2}$"
    )


@pytest.mark.parametrize(
    ("formula", "written"),
    [
        ('<script type="math/tex">x_1</script>', "$x_1$"),
        (
            '<span class="MathJax_Preview"></span><span class="MathJax">x1</span>'
            '<script type="math/tex; mode=display">x_1</script>',
            "$$x_1$$",
        ),
        (r'<span class="math inline">\(a &lt;b\)</span>', "$a < b$"),
        (r'<span class="math display">\[a^2\]</span>', "$$a^2$$"),
        (r'<span class="math">costs $5</span>', "costs $5"),
        (r'<script type="math/tex">\text{a $ b}}</script>', None),
        ('<math alttext="x^2"></math>', "$x^2$"),
    ],
)
def test_formulas_for_a_script_are_written(
    convert: Convert, formula: str, written: str | None
) -> None:
    page = f"<h1>T</h1><p>So {formula} holds</p>"

    markdown = convert(page.encode(), media_types.HTML).markdown

    assert written is None or markdown == f"# T\n\nSo {written} holds"
    assert markdown.endswith(" holds")


@pytest.mark.parametrize(
    ("script", "text", "expected"),
    [
        ("src='x/MathJax.js'>", r"a \(b_1\) <b>c</b> \[d\] e", "a $b_1$ **c** $$d$$ e"),
        (">MathJax={tex:{inlineMath:[['$','$']]}}", "if $b < 2$, 5$", r"if $b < 2$, 5\$"),
        ("src='x/mathjax.js'>", "costs $5 or 6$ <code>$$a$$</code>", r"costs \$5 or 6\$ `$$a$$`"),
        (">", r"a \(b\) c", r"a \\(b\\) c"),
    ],
)
def test_formulas_in_the_text_are_known_by_the_signs_of_the_script(
    convert: Convert, script: str, text: str, expected: str
) -> None:
    page = f"<html><body><h1>A</h1><script {script}</script><p>{text}</p></body></html>"

    markdown = convert(page.encode(), media_types.HTML).markdown

    assert markdown == f"# A\n\n{expected}"


@pytest.mark.parametrize("tag", ["font", "ul><li", "div", "blockquote"])
def test_text_below_tags_that_are_never_closed_is_kept(convert: Convert, tag: str) -> None:
    markdown = convert(f"<h1>T</h1>{f'<{tag}>' * 800}The end".encode(), media_types.HTML).markdown

    assert "The end" in markdown


def test_an_inline_image_becomes_a_file(convert: Convert) -> None:
    source = base64.b64encode(encoded(noise(60, 50), "PNG")).decode()
    page = f'<h1>T</h1><p><img alt="A cloud" src="data:image/png;base64,{source}"></p>'

    converted = convert(page.encode(), media_types.HTML)

    assert converted.image_names == ["image-1.png"]
    assert "![A cloud](image-1.png)" in converted.markdown
