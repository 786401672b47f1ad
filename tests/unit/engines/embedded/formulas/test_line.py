"""LaTeX in one line, also LaTeX that others wrote."""

from __future__ import annotations

import time

import pytest

from ilios.engines.embedded.formulas import latex
from ilios.engines.embedded.formulas.line import IN_MARKDOWN, in_line, without_latex
from ilios.engines.embedded.formulas.symbols import COMMANDS


@pytest.mark.parametrize(
    ("latex", "line"),
    [
        (r"x \le y \to \infty", "x≤y→∞"),
        (r"\dfrac12", "1/2"),
        (r"a\frac{1}{2}", "a 1/2"),
        (r"\mathbb{R}^n", "ℝ^n"),
        (r"\begin{array}{cc} 1 & 2 \end{array}", "[1, 2]"),
        (r"\text{of all } n", "of all n"),
        (r"3.14 \cdot 1.5\ \text{m. or so}", "3.14·1.5 m. or so"),
        (r"\left. x\right|", "x|"),
        (r"\overbrace{a+b}^{n}", "(a+b)^n"),
        (r"\operatorname*{argmax}_{t} f", "argmax_t f"),
        (r"\nobody{x}", r"\nobody{x}"),
        (r"{x", r"{x"),
        (r"\frac{1}", r"\frac{1}"),
        (r"\begin{matrix} 1", r"\begin{matrix} 1"),
    ],
)
def test_what_is_understood_is_written_plainly(latex: str, line: str) -> None:
    assert in_line(latex) == line


def test_every_sign_comes_back() -> None:
    lost = {
        sign: command
        for sign, command in COMMANDS.items()
        if command.startswith("\\")
        and command.count("\\") == 1
        and "{" not in command
        and in_line(command) not in (sign, *[s for s, c in COMMANDS.items() if c == command], "")
    }

    assert lost == {}


@pytest.mark.parametrize(
    ("markdown", "text"),
    [
        ("$x$ and $y$", "x and y"),
        ("$5 and $6", "$5 and $6"),
        (r"\$x\$", r"\$x\$"),
        ("$20 for A$ only", "$20 for A$ only"),
        ("$HOME/$USER and $MY_A/$MY_B", "$HOME/$USER and $MY_A/$MY_B"),
        ("$x_{max}$, $a_1b^2$", "x_(max), a_1 b^2"),
        ("$$x$$ then", "x then"),
    ],
)
def test_formulas_are_told_from_prices(markdown: str, text: str) -> None:
    assert without_latex(markdown) == text


def test_formulas_are_written_between_signs() -> None:
    assert latex.written("x", display=False) == "$x$"
    assert latex.written(" x  y ", display=True) == "$$x y$$"
    assert latex.written("", display=True) == ""
    assert IN_MARKDOWN.fullmatch(latex.written("x\\", display=False))


@pytest.mark.parametrize("hostile", ["$" * 60_000, "$x" * 30_000, "\\" * 60_000, "$\\" * 30_000])
def test_signs_without_end_take_no_time(hostile: str) -> None:
    begun = time.process_time()

    without_latex(hostile)

    assert time.process_time() - begun < 5


@pytest.mark.parametrize("command", ["\\sqrt", "\\frac{", "{", "\\left(", "\\hat", "x^{"])
def test_what_is_nested_too_deep_stays_as_it_is(command: str) -> None:
    assert in_line(command * 5_000) == command * 5_000
