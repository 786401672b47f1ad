"""Formulas in MathML as one line: `(a)/(b)`, `x^(2)`, `x_(i)`, `√(y)`."""

from __future__ import annotations

from typing import Final

from lxml import etree

from ilios.engines.embedded.archive import local_name

_ANNOTATIONS: Final = ("annotation", "annotation-xml")
_PATTERNS: Final = {
    "mfrac": "({0})/({1})",
    "msup": "{0}^({1})",
    "msub": "{0}_({1})",
    "msubsup": "{0}_({1})^({2})",
    "munder": "{0}_({1})",
    "mover": "{0}^({1})",
    "munderover": "{0}_({1})^({2})",
    "mroot": "{0}^(1/{1})",
}


def to_text(element: etree._Element) -> str:
    """Write a formula; its annotations in other notations are left out."""
    name = local_name(element)
    parts = [to_text(part) for part in element if local_name(part) not in ("", *_ANNOTATIONS)]
    if name in _PATTERNS and len(parts) == _PATTERNS[name].count("{"):
        return _PATTERNS[name].format(*parts)
    if name in ("mtr", "mlabeledtr", "mtable"):
        return ("; " if name == "mtable" else " ").join(parts)
    text = " ".join((element.text or "").split()) + "".join(parts)
    return f"√({text})" if name == "msqrt" else text
