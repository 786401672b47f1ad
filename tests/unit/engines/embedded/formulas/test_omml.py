"""Formulas of Word and PowerPoint, each in LaTeX and in one line of text."""

from __future__ import annotations

import pytest

from ilios.engines.embedded.formulas import omml
from ilios.engines.embedded.formulas.line import in_line
from tests.unit.engines.embedded.formulas.notations import from_omml, run


def base(text: str, name: str = "e") -> str:
    return f"<{name}>{run(text)}</{name}>"


def properties(name: str, **values: str) -> str:
    settings = "".join(f'<{key} m:val="{value}"/>' for key, value in values.items())
    return f"<{name}>{settings}</{name}>"


STACK = f"<f>{properties('fPr', type='noBar')}{base('m', 'num')}{base('j', 'den')}</f>"
GRID = f"<m><mr>{base('5')}{base('6')}</mr><mr>{base('7')}{base('8')}</mr></m>"
LIM = f"<limLow><e>{run('lim')}</e>{base('t→0', 'lim')}</limLow>"
HALF = f"<f>{base('1', 'num')}{base('2', 'den')}</f>"


@pytest.mark.parametrize(
    ("markup", "latex", "line"),
    [
        (f"<d><e>{STACK}</e></d>", r"\binom{m}{j}", "(m over j)"),
        (run("4.75"), "4.75", "4.75"),
        (
            f"<func><fName><sSup>{base('sin')}{base('2', 'sup')}</sSup></fName>{base('t')}</func>",
            r"\sin^{2} t",
            "sin^2 t",
        ),
        (
            f"<func><fName><sSub>{base('log')}{base('2', 'sub')}</sSub></fName>{base('t')}</func>",
            r"\log_{2} t",
            "log_2 t",
        ),
        (
            f"<eqArr>{base('F=ma#(3)')}</eqArr>",
            r"\begin{gathered} F=ma\quad (3) \end{gathered}",
            "F=ma (3)",
        ),
        (
            f"<d>{properties('dPr', begChr='[', endChr=']')}<e>{STACK}</e></d>",
            r"\genfrac{[}{]}{0pt}{}{m}{j}",
            "[m over j]",
        ),
        (
            f"<d>{properties('dPr', begChr='[', endChr=']')}<e>{GRID}</e></d>",
            r"\begin{bmatrix} 5 & 6 \\ 7 & 8 \end{bmatrix}",
            "[5, 6; 7, 8]",
        ),
        (
            f"<d>{properties('dPr', begChr='⟨', endChr='⟩')}<e>{GRID}</e></d>",
            r"\left\langle \begin{matrix} 5 & 6 \\ 7 & 8 \end{matrix}\right\rangle",
            "⟨[5, 6; 7, 8]⟩",
        ),
        (f"{run('P')}<d>{base('A')}{base('B')}</d>", r"P(A\vert B)", "P(A|B)"),
        (
            f"<d>{properties('dPr', sepChr=',')}<e>{HALF}</e>{base('B')}</d>",
            r"\left( \frac{1}{2},B\right)",
            "(1/2,B)",
        ),
        (f"<rad>{base('5', 'deg')}{base('32')}</rad>", r"\sqrt[5]{32}", "32^(1/5)"),
        (
            f"<rad>{properties('radPr', degHide='1')}<deg/>{base('x+1')}</rad>",
            r"\sqrt{x+1}",
            "√(x+1)",
        ),
        (
            f"<eqArr>{base('u&=3')}{base('v&=4')}</eqArr>",
            r"\begin{aligned} u & =3 \\ v & =4 \end{aligned}",
            "u=3; v=4",
        ),
        (
            f"<d>{properties('dPr', begChr='{', endChr='')}<e><eqArr>{base('0')}{base('1')}</eqArr>"
            "</e></d>",
            r"\begin{cases} 0 \\ 1 \end{cases}",
            "{0; 1",
        ),
        (f"<func><fName>{LIM}</fName>{base('s')}</func>", r"\lim_{t\rightarrow0} s", "lim_(t→0) s"),
        (f"<func><fName>{run('cos')}</fName>{base('t')}</func>", r"\cos t", "cos t"),
        (f"<func><fName>{run('sgn')}</fName>{base('t')}</func>", r"\operatorname{sgn} t", "sgn t"),
        (
            f"<nary>{properties('naryPr', chr='∏')}{base('k', 'sub')}<sup/>{base('k')}</nary>",
            r"\prod_{k} k",
            "∏_k k",
        ),
        (
            f"<nary>{properties('naryPr', limLoc='undOvr')}{base('D', 'sub')}{base('w')}</nary>",
            r"\int\limits_{D} w",
            "∫_D w",
        ),
        (f"<acc>{base('x')}</acc>", r"\hat{x}", "x̂"),
        (f"<acc>{properties('accPr', chr='⃗')}{base('AB')}</acc>", r"\overrightarrow{AB}", None),
        (f"<bar>{properties('barPr', pos='top')}{base('z')}</bar>", r"\overline{z}", "z̅"),
        (
            f"<limLow><e><groupChr>{base('a+b')}</groupChr></e>{base('n', 'lim')}</limLow>",
            r"\underbrace{a+b}_{n}",
            "(a+b)_n",
        ),
        (
            f"<sSup><e><sSup>{base('y')}{base('2', 'sup')}</sSup></e>{base('3', 'sup')}</sSup>",
            "{y^{2}}^{3}",
            "(y^2)^3",
        ),
        (
            f"<sPre>{base('6', 'sub')}{base('14', 'sup')}{base('C')}</sPre>",
            "{}_{6}^{14}C",
            "_6^14 C",
        ),
        (
            run("if so ", "<rPr><nor/></rPr>") + run("d", properties("rPr", sty="p")) + run("t"),
            r"\text{if so }\mathrm{d}t",
            "if so dt",
        ),
        (run("R", properties("rPr", scr="double-struck")), r"\mathbb{R}", "ℝ"),
        (run("A", properties("rPr", sty="b")), r"\mathbf{A}", "A"),
        (run("𝑎²≤½ and 3 µm"), r"a^{2}\leq\frac{1}{2}\ and\ 3\ \mu m", "a^2≤1/2 and 3 μm"),
        (run("5% of $3 & {a_b} ~ #1 | \\"), None, "5% of $3 & {a_b} ∼ #1 | \\"),
        (run("Größe"), r"\text{Größe}", "Größe"),
        (f"<del>{run('gone')}</del><ins>{run('new')}</ins>", "new", "new"),
        (f"<borderBox>{base('E')}</borderBox>", r"\boxed{E}", "E"),
    ],
)
def test_what_a_formula_means_is_kept(markup: str, latex: str | None, line: str | None) -> None:
    written = from_omml(markup)

    assert latex is None or written == latex
    assert line is None or in_line(written) == line


def test_the_properties_of_the_text_say_nothing_of_the_formula() -> None:
    others = '<a:rPr xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"/>'

    assert from_omml(run("R", others + properties("rPr", scr="fraktur"))) == r"\mathfrak{R}"


def test_formulas_of_one_paragraph_stand_below_each_other() -> None:
    written = from_omml(f"<oMath>{run('a')}</oMath><oMath>{run('b')}</oMath>", "oMathPara")

    assert written == r"\begin{gathered} a \\ b \end{gathered}"


def test_what_is_nested_too_deep_keeps_its_text() -> None:
    depth = omml.DEPTH_MAX * 2 - 10
    written = from_omml("<rad><deg/><e>" * depth + run("core") + "</e></rad>" * depth)

    assert "core" in written
    assert written.count("{") == written.count("}")
