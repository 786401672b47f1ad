"""Formulas that Hypothesis makes: what is written is valid, and holds all that was in them."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ilios.engines.embedded.formulas import latex as tex
from ilios.engines.embedded.formulas.line import IN_MARKDOWN, in_line
from tests.katex.process import NEEDS_KATEX, Katex
from tests.unit.engines.embedded.formulas.notations import (
    ARITIES,
    Formula,
    from_mathml,
    from_omml,
)

SIGNS = [*"()[]{}|‖⟨⌊⟦/\\<↑^~¯.→⃗⏞⏟∑∫∮⋃ℝ#%", "", "\u0302", "\u0305", "ab"]
ODD_TEXTS = [
    *(
        "x",
        "sin",
        "lim",
        "x y",
        "12.5",
        "f'",
        "′",
        "x²",
        "a₁²",
        "½",
        "α",
        "Größe",
        "数",
        "𝑥",
        "ℝ",
        "𝐀",
    ),
    *("$", "\\", "{", "}", "#", "%", "&", "_", "^", "~", "`", "<b>", "|", "*", '"', "\\frac", "x̂"),
    *("≤", "→", "∑", "e\u0301", "\u2061", "\u00a0", "😀", "שלום", "[", "](", "--", "\\\\", "$$"),
]
TEXTS = st.sampled_from(ODD_TEXTS) | st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn"]), max_size=5
)
LEAVES = st.builds(
    Formula, st.sampled_from(["leaf", "leaf", "leaf", "words", "name"]), st.just(()), TEXTS
)


def constructs(
    inner: st.SearchStrategy[Formula], signs: list[str], large: list[str]
) -> st.SearchStrategy[Formula]:
    return st.one_of(
        [
            st.builds(
                Formula,
                st.just(kind),
                st.lists(inner, min_size=arity, max_size=arity).map(tuple),
                st.just(""),
                st.sampled_from(large if kind == "sum" else signs),
            )
            for kind, arity in ARITIES.items()
        ]
    )


FORMULAS = st.recursive(LEAVES, lambda inner: constructs(inner, SIGNS, SIGNS), max_leaves=12)
bounded = settings(
    max_examples=250,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


@pytest.fixture(scope="module")
def katex() -> Iterator[Katex]:
    process = Katex()
    yield process
    process.close()


@NEEDS_KATEX
@bounded
@given(formula=FORMULAS, display=st.booleans())
def test_katex_reads_every_formula_of_word(katex: Katex, formula: Formula, display: bool) -> None:
    latex = from_omml(formula.omml())

    assert katex.complaint(latex, display=display) == "", latex


@NEEDS_KATEX
@bounded
@given(formula=FORMULAS, display=st.booleans())
def test_katex_reads_every_formula_of_the_web(
    katex: Katex, formula: Formula, display: bool
) -> None:
    latex = from_mathml(formula.mathml())

    assert katex.complaint(latex, display=display) == "", latex


@settings(max_examples=100, deadline=None)
@given(formula=FORMULAS)
def test_a_formula_ends_at_its_own_sign_in_markdown(formula: Formula) -> None:
    for latex in (from_omml(formula.omml()), from_mathml(formula.mathml())):
        written = tex.written(latex, display=False)

        assert not written or IN_MARKDOWN.fullmatch(written), written
        assert "\n" not in written


WORDS = st.recursive(
    st.builds(Formula, st.sampled_from(["leaf", "words"]), st.just(()), st.just("word")),
    lambda inner: constructs(inner, ["(", "|", "\u0305"], ["∑", "∫"]),
    max_leaves=10,
)


@settings(max_examples=100, deadline=None)
@given(formula=WORDS)
def test_every_word_comes_out_once_and_in_order(formula: Formula) -> None:
    names = iter(range(1000))
    numbered = with_texts(formula, names)

    for latex in (from_omml(numbered.omml()), from_mathml(numbered.mathml())):
        assert found(latex) == list(numbered.leaves())
        assert found(in_line(latex)) == list(numbered.leaves())


def with_texts(formula: Formula, names: Iterator[int]) -> Formula:
    """Give every leaf a word of its own."""
    if not formula.parts:
        number = next(names)
        return Formula(
            formula.kind, (), f"q{'abcdefghij'[number // 10 % 10]}{'abcdefghij'[number % 10]}q"
        )
    parts = tuple(with_texts(part, names) for part in formula.parts)
    return Formula(formula.kind, parts, "", formula.sign)


def found(text: str) -> list[str]:
    return re.findall(r"q[a-j][a-j]q", text)
