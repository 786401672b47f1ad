"""Formulas as trees, each written in the markup of Word and in that of the web."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from lxml import etree

from ilios.engines.embedded.formulas import mathml, omml

OMML = "http://schemas.openxmlformats.org/officeDocument/2006/math"
MATHML = "http://www.w3.org/1998/Math/MathML"


def from_omml(inner: str, tag: str = "oMath") -> str:
    """Convert what stands in an `m:oMath`; names of elements are written without the prefix."""
    root = etree.fromstring(f'<{tag} xmlns="{OMML}" xmlns:m="{OMML}">{inner}</{tag}>')
    return omml.latex(root)


def from_mathml(inner: str) -> str:
    return mathml.latex(etree.fromstring(f'<math xmlns="{MATHML}">{inner}</math>'))


def run(text: str, properties: str = "") -> str:
    return f"<r>{properties}<t>{escape(text)}</t></r>"


@dataclass(frozen=True)
class Formula:
    """A leaf with its text, or a construct of several formulas."""

    kind: str
    parts: tuple[Formula, ...] = ()
    text: str = ""
    sign: str = ""

    def omml(self) -> str:
        return _OMML[self.kind](self, [part.omml() for part in self.parts])

    def mathml(self) -> str:
        return _MATHML[self.kind](self, [part.mathml() for part in self.parts])

    def leaves(self) -> Iterator[str]:
        """Yield the texts in the order in which they are written."""
        if not self.parts:
            yield self.text
        for part in self.parts:
            yield from part.leaves()


ARITIES = {
    "row": 3,
    "fraction": 2,
    "binomial": 2,
    "root": 1,
    "power": 2,
    "index": 2,
    "both": 3,
    "sum": 3,
    "brackets": 1,
    "accent": 1,
    "matrix": 4,
    "cases": 2,
}


def _row(inner: str) -> str:
    return f"<mrow>{inner}</mrow>"


def _rows(parts: Sequence[str]) -> str:
    return "".join(_row(part) for part in parts)


def _value(name: str, value: str) -> str:
    return f"<{name} m:val={quoteattr(value)}/>"


def _matrix_rows(parts: Sequence[str]) -> str:
    cells = [f"<mtd>{part}</mtd>" for part in parts]
    return f"<mtable><mtr>{cells[0]}{cells[1]}</mtr><mtr>{cells[2]}{cells[3]}</mtr></mtable>"


_OMML: dict[str, Callable[[Formula, list[str]], str]] = {
    "leaf": lambda it, _: run(it.text),
    "words": lambda it, _: run(it.text, "<rPr><nor/></rPr>"),
    "name": lambda it, _: f"<func><fName>{run(it.text)}</fName><e>{run('x')}</e></func>",
    "row": lambda _, p: "".join(p),
    "fraction": lambda _, p: f"<f><num>{p[0]}</num><den>{p[1]}</den></f>",
    "binomial": lambda _, p: (
        f"<d><e><f><fPr>{_value('type', 'noBar')}</fPr>"
        f"<num>{p[0]}</num><den>{p[1]}</den></f></e></d>"
    ),
    "root": lambda _, p: f"<rad><deg>{run('3')}</deg><e>{p[0]}</e></rad>",
    "power": lambda _, p: f"<sSup><e>{p[0]}</e><sup>{p[1]}</sup></sSup>",
    "index": lambda _, p: f"<sSub><e>{p[0]}</e><sub>{p[1]}</sub></sSub>",
    "both": lambda _, p: f"<sSubSup><e>{p[0]}</e><sub>{p[1]}</sub><sup>{p[2]}</sup></sSubSup>",
    "sum": lambda it, p: (
        f"<nary><naryPr>{_value('chr', it.sign or '∑')}{_value('limLoc', 'undOvr')}</naryPr>"
        f"<sub>{p[0]}</sub><sup>{p[1]}</sup><e>{p[2]}</e></nary>"
    ),
    "brackets": lambda it, p: (
        f"<d><dPr>{_value('begChr', it.sign)}{_value('endChr', it.sign)}</dPr><e>{p[0]}</e></d>"
    ),
    "accent": lambda it, p: f"<acc><accPr>{_value('chr', it.sign)}</accPr><e>{p[0]}</e></acc>",
    "matrix": lambda it, p: (
        f"<d><dPr>{_value('begChr', it.sign)}{_value('endChr', it.sign)}</dPr><e><m>"
        f"<mr><e>{p[0]}</e><e>{p[1]}</e></mr><mr><e>{p[2]}</e><e>{p[3]}</e></mr></m></e></d>"
    ),
    "cases": lambda _, p: (
        f"<d><dPr>{_value('begChr', '{')}{_value('endChr', '')}</dPr>"
        f"<e><eqArr><e>{p[0]}</e><e>{p[1]}</e></eqArr></e></d>"
    ),
}
_MATHML: dict[str, Callable[[Formula, list[str]], str]] = {
    "leaf": lambda it, _: f"<mi>{escape(it.text)}</mi>",
    "words": lambda it, _: f"<mtext>{escape(it.text)}</mtext>",
    "name": lambda it, _: f"<mi>{escape(it.text)}</mi><mo>&#x2061;</mo><mi>x</mi>",
    "row": lambda _, p: _row("".join(p)),
    "fraction": lambda _, p: f"<mfrac>{_rows(p)}</mfrac>",
    "binomial": lambda _, p: (
        f'<mrow><mo>(</mo><mfrac linethickness="0">{_rows(p)}</mfrac><mo>)</mo></mrow>'
    ),
    "root": lambda _, p: f"<mroot>{_row(p[0])}<mn>3</mn></mroot>",
    "power": lambda _, p: f"<msup>{_rows(p)}</msup>",
    "index": lambda _, p: f"<msub>{_rows(p)}</msub>",
    "both": lambda _, p: f"<msubsup>{_rows(p)}</msubsup>",
    "sum": lambda it, p: (
        f"<munderover><mo>{escape(it.sign or '∑')}</mo>{_rows(p[:2])}</munderover>{p[2]}"
    ),
    "brackets": lambda it, p: (
        f"<mrow><mo>{escape(it.sign)}</mo>{p[0]}<mo>{escape(it.sign)}</mo></mrow>"
    ),
    "accent": lambda it, p: f"<mover>{_row(p[0])}<mo>{escape(it.sign)}</mo></mover>",
    "matrix": lambda it, p: (
        f"<mfenced open={quoteattr(it.sign)} close={quoteattr(it.sign)}>{_matrix_rows(p)}</mfenced>"
    ),
    "cases": lambda _, p: (
        f"<mrow><mo>{{</mo><mtable><mtr><mtd>{p[0]}</mtd></mtr><mtr><mtd>{p[1]}</mtd></mtr></mtable>"
        "</mrow>"
    ),
}
