r"""Formulas of RTF: Office Math Markup in control words, as in `{\mf{\mnum 1}{\mden 2}}`.

A word at the start of a group names an element, a word inside of one a property of its text.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from lxml import etree

from ilios.engines.embedded.formulas import omml
from ilios.engines.embedded.markdown import Span

DESTINATIONS: Final = frozenset(("mmath", "moMath", "moMathPara"))
PARTS_MAX: Final = 50_000
"""What a formula has beyond them is written as text: each part takes a hundred times its bytes."""
_NAMESPACE: Final = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_SCRIPTS: Final = ("roman", "script", "fraktur", "double-struck", "sans-serif", "monospace")
_STYLES: Final = ("p", "b", "i", "bi")
_VALUES: Final = {"mscr": _SCRIPTS, "msty": _STYLES}


def begun(word: str) -> etree._Element:
    """Return the element of the word that begins a formula."""
    root = etree.Element(f"{_NAMESPACE}math")
    return root if word == "mmath" else opened(root, word)


def opened(around: etree._Element, word: str) -> etree._Element:
    """Return the element of a word such as `\\mnum` at the start of a group."""
    return etree.SubElement(around, _NAMESPACE + word[1:])


def set_property(run: etree._Element, word: str, number: int | None) -> None:
    """Take a word such as `\\msty2` about the text of a run."""
    values = _VALUES.get(word)
    value = values[number or 0] if values and 0 <= (number or 0) < len(values) else "1"
    if word in (*_VALUES, "mnor"):
        etree.SubElement(
            etree.SubElement(run, f"{_NAMESPACE}rPr"), _NAMESPACE + word[1:], val=value
        )


def add(element: etree._Element, text: str) -> None:
    """Add text to an element: a piece of its own each time, so that many take no longer."""
    etree.SubElement(element, f"{_NAMESPACE}t").text = text


def close(element: etree._Element) -> None:
    """End an element: the text of a property is its value."""
    around = element.getparent()
    if around is not None and str(around.tag).endswith("Pr"):
        element.set("val", "".join(part.text or "" for part in element).strip())


def spans(element: etree._Element) -> Iterator[Span]:
    """Yield the formulas of which this is the outermost element."""
    for part in element.getroottree().getroot():
        yield omml.span(part)
