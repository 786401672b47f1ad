"""Formulas of web pages, books and OpenDocument, each in LaTeX and in one line of text."""

from __future__ import annotations

import time

import pytest
from lxml import etree

from ilios.engines.embedded.formulas import mathml
from ilios.engines.embedded.formulas.line import in_line
from ilios.engines.embedded.formulas.mathml_tokens import name_of
from tests.unit.engines.embedded.formulas.notations import MATHML, from_mathml

TABLE = (
    "<mtable><mtr><mtd><mn>5</mn></mtd><mtd><mn>6</mn></mtd></mtr>"
    "<mtr><mtd><mn>7</mn></mtd><mtd><mn>8</mn></mtd></mtr></mtable>"
)
STACK = '<mfrac linethickness="0"><mi>m</mi><mi>j</mi></mfrac>'
TO_ZERO = "<mrow><mi>t</mi><mo>→</mo><mn>0</mn></mrow>"


@pytest.mark.parametrize(
    ("markup", "latex", "line"),
    [
        (f"<mo>(</mo>{STACK}<mo>)</mo>", r"\binom{m}{j}", "(m over j)"),
        (f"<mrow><mo>(</mo>{TABLE}<mo>)</mo></mrow>", None, "(5, 6; 7, 8)"),
        (f"<mfenced open='|' close='|'>{TABLE}</mfenced>", None, "|5, 6; 7, 8|"),
        (TABLE, r"\begin{matrix} 5 & 6 \\ 7 & 8 \end{matrix}", "[5, 6; 7, 8]"),
        ("<mfenced><mi>a</mi><mi>b</mi></mfenced>", "(a,b)", "(a,b)"),
        (
            "<mi>g</mi><mo>=</mo><mo>{</mo><mtable><mtr><mtd><mn>1</mn></mtd>"
            "<mtd><mtext>if</mtext><mi>y</mi></mtd></mtr></mtable>",
            r"g=\begin{cases} 1 & \text{if}y \end{cases}",
            "g={1, if y",
        ),
        ("<mroot><mi>y</mi><mn>4</mn></mroot>", r"\sqrt[4]{y}", "y^(1/4)"),
        ("<msqrt><mi>y</mi><mo>+</mo><mn>1</mn></msqrt>", r"\sqrt{y+1}", "√(y+1)"),
        (
            "<mfrac><mrow><mi>a</mi><mo>+</mo><mi>b</mi></mrow><mn>2</mn></mfrac>",
            r"\frac{a+b}{2}",
            "(a+b)/2",
        ),
        (
            f"<munder><mi>lim</mi>{TO_ZERO}</munder><mi>sin</mi><mo>&#x2061;</mo><mi>t</mi>",
            r"\lim_{t\rightarrow0}\sin t",
            "lim_(t→0) sin t",
        ),
        (
            "<munderover><mo>∑</mo><mi>k</mi><mi>n</mi></munderover><mi>k</mi>",
            r"\sum_{k}^{n}k",
            "∑_k^n k",
        ),
        ("<msubsup><mo>∫</mo><mn>0</mn><mn>1</mn></msubsup><mi>f</mi>", r"\int_{0}^{1}f", None),
        ("<mover accent='true'><mi>v</mi><mo>→</mo></mover>", r"\overrightarrow{v}", None),
        ("<mover><mi>x</mi><mo>¯</mo></mover>", r"\overline{x}", "x̅"),
        (
            "<munder><munder><mi>ab</mi><mo>⏟</mo></munder><mi>n</mi></munder>",
            r"\underbrace{\mathrm{ab}}_{n}",
            None,
        ),
        ("<mover><mo>=</mo><mo>!</mo></mover>", r"\overset{!}{=}", None),
        ("<msup><mi>h</mi><mo>′</mo></msup><mo>(</mo><mi>t</mi><mo>)</mo>", "h'(t)", "h′(t)"),
        (
            "<mmultiscripts><mi>C</mi><mprescripts/><mn>6</mn><mn>14</mn></mmultiscripts>",
            "{}_{6}^{14}C",
            "_6^14 C",
        ),
        ("<mmultiscripts><mi>T</mi><mi>i</mi><none/></mmultiscripts>", "T_{i}", "T_i"),
        ("<mi mathvariant='double-struck'>R</mi>", r"\mathbb{R}", "ℝ"),
        ("<mi mathvariant='normal'>d</mi><mi>speed</mi>", r"\mathrm{d}\mathrm{speed}", "dspeed"),
        ("<mo>[</mo><mn>0</mn><mo>,</mo><mn>1</mn><mo>)</mo>", "[0,1)", "[0,1)"),
        ("<mo>]</mo><mn>0</mn><mo>;</mo><mn>1</mn><mo>[</mo>", "]0;1[", "]0;1["),
        (
            "<mo>|</mo><mfrac><mi>a</mi><mi>b</mi></mfrac><mo>|</mo>",
            r"\left\vert \frac{a}{b}\right\vert",
            "|a/b|",
        ),
        ("<mi>a</mi><mo>&lt;</mo><mi>b</mi>", "a< b", "a<b"),
        ("<mn>2.5</mn><mi>a</mi>", "2.5a", "2.5a"),
        (
            "<mo>{</mo><mtable><mtr><mtd><mi>a</mi></mtd><mtd><mi>b</mi></mtd></mtr></mtable>"
            "<mo form='postfix'></mo>",
            r"\begin{cases} a & b \end{cases}",
            "{a, b",
        ),
        ("<mtext>50% of $4, a_b ≤ c</mtext>", None, "50% of $4, a_b ≤ c"),
        (
            "<mtable columnalign='right left'><mtr><mtd><mi>u</mi></mtd><mtd><mo>=</mo><mn>1</mn>"
            "</mtd></mtr><mtr><mtd><mi>v</mi></mtd><mtd><mo>=</mo><mn>2</mn></mtd></mtr></mtable>",
            r"\begin{aligned} u & =1 \\ v & =2 \end{aligned}",
            "u=1; v=2",
        ),
        (
            "<mtable><mlabeledtr><mtd><mtext>(7)</mtext></mtd><mtd><mi>u</mi></mtd></mlabeledtr>"
            "</mtable>",
            r"u\quad \text{(7)}",
            "u (7)",
        ),
        ("<semantics><mi>y</mi><annotation>never</annotation></semantics>", "y", "y"),
        ("<menclose notation='box'><mi>E</mi></menclose>", r"\boxed{E}", "E"),
        ("<mstyle mathvariant='bold'><mi>w</mi></mstyle>", r"\boldsymbol{w}", "w"),
    ],
)
def test_what_a_formula_means_is_kept(markup: str, latex: str | None, line: str | None) -> None:
    written = from_mathml(markup)

    assert latex is None or written == latex
    assert line is None or in_line(written) == line


def test_prefixes_that_html_leaves_in_the_tags_do_not_matter() -> None:
    element = etree.fromstring(
        f'<m:math xmlns:m="{MATHML}"><m:msup><m:mi>x</m:mi><m:mn>2</m:mn></m:msup></m:math>'
    )
    for part in element.iter():
        part.tag = f"m:{etree.QName(part).localname}".replace(":", "_")
    html = etree.HTML("<m:math><m:msup><m:mi>x</m:mi><m:mn>2</m:mn></m:msup></m:math>")

    found = next(e for e in html.iter() if name_of(e) == "math")

    assert mathml.latex(found) == "x^{2}"


def test_a_formula_without_content_gives_its_description() -> None:
    element = etree.fromstring(f'<math xmlns="{MATHML}" alttext="a squared"/>')

    assert mathml.span(element).text == r"$\text{a squared}$"


@pytest.mark.parametrize(
    "row",
    [
        "<mo>(</mo>" * 30_000,
        "<mo>(</mo>" * 30_000 + "<mo>)</mo>" * 30_000,
        "<mo>{</mo><mi>a</mi>" * 20_000,
        "<mi>x" + "\u0302" * 60_000 + "</mi>",
        "<mi mathvariant='normal'>d</mi>" * 30_000,
        "<mtext>" + "a≤" * 30_000 + "</mtext>",
    ],
    ids=["opened", "nested", "braces", "marks", "letters", "signs"],
)
def test_long_rows_take_no_longer_than_their_length(row: str) -> None:
    begun = time.process_time()

    in_line(from_mathml(row))

    assert time.process_time() - begun < 8


def test_what_is_nested_too_deep_keeps_its_text() -> None:
    depth = mathml.DEPTH_MAX * 2
    written = from_mathml("<msqrt>" * depth + "<mi>core</mi>" + "</msqrt>" * depth)

    assert "core" in written
    assert written.count("{") == written.count("}")
