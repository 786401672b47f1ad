"""Formulas of RTF documents: Office Math Markup in control words, and fields that draw them."""

from __future__ import annotations

import pytest

from ilios.engines.detection import media_types
from ilios.engines.embedded.rtf import formulas
from tests.unit.engines.embedded.conftest import Convert

_WORD = r"\mr\mscr0\msty2\rtlch\af0 \ltrch\i\f34 "


def run(text: str) -> str:
    """Return a run as Word writes it."""
    return f"{{{_WORD}{text}}}"


def line(content: str) -> str:
    return rf"{{\mmath{{\*\moMath{content}}}{{\mmathPict{{\pict\pngblip 00}}}}}}"


@pytest.mark.parametrize(
    ("formula", "shown"),
    [
        (
            line(rf"{{\mf{{\mfPr{{\mctrlPr\i }}}}{{\mnum{run('a')}}}{{\mden{run('b')}}}}}"),
            "$\\frac{a}{b}$",
        ),
        (line(r"{\mr\mnor  if }{\mr\mscr3 R}"), "$\\text{ if }\\mathbb{R}$"),
        (
            line(
                r"{\mnary{\mnaryPr{\mchr \u8721?}{\mlimLoc undOvr}}{\msub{\mr i=1}}{\msup{\mr n}}"
                r"{\me{\mr i}}}"
            ),
            "$\\sum_{i=1}^{n} i$",
        ),
        (
            line(r"{\md{\mdPr{\mbegChr \{}{\mendChr }}{\me{\meqArr{\me{\mr 1}}{\me{\mr 2}}}}}"),
            "$\\begin{cases} 1 \\\\ 2 \\end{cases}$",
        ),
        # RichEdit of Windows: text without runs, letters as mathematical ones
        (
            r"{\mmath{\*\moMathPara{\*\moMath\i{\mf{\mnum\i\u-10187?\u-9138?}{\mden x}}}}}",
            "$$\\frac{a}{x}$$",
        ),
        (r"{\*\moMath {\mr y}}", "$y$"),  # LibreOffice
        (r"{\mmath{\*\moMath{\mr z}{\mmathPict{\pict\pngblip 00}}}}", "$z$"),
        (r"{\v {\mmath{\*\moMath{\mr hidden}}}}", ""),
        (r"{\field{\*\fldinst { EQ \\f(1,2) }}{\fldrslt }}", "1/2"),
        (r"{\field{\*\fldinst MACROBUTTON NoMacro [Your name]}}", "[Your name]"),
    ],
)
def test_a_formula_stands_in_its_line(convert: Convert, formula: str, shown: str) -> None:
    content = rf"{{\rtf1\ansi\pard Before {formula} behind.\par}}".encode()

    assert convert(content, media_types.RTF).markdown.split() == [
        "Before",
        *shown.split(),
        "behind.",
    ]


def test_a_formula_of_deep_groups_ends_as_text(convert: Convert) -> None:
    content = rb"{\rtf1{\mmath{\*\moMath" + rb"{\mf{\mnum" * 3_000 + rb"{\mr deep}" + rb"}}" * 3_000

    assert "deep" in convert(content + rb"}}}", media_types.RTF).markdown


def test_a_formula_of_too_many_parts_goes_on_as_text(
    convert: Convert, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(formulas, "PARTS_MAX", 5)
    content = rb"{\rtf1\pard{\mmath{\*\moMath{\mr a}{\mr b}{\mr cd}{\mr ef}}}\par}"

    done = convert(content, media_types.RTF)

    assert sorted(done.markdown.replace("$", " ").split()) == ["ab", "cdef"]
    assert not done.warnings
