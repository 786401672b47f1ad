"""Formulas that a page holds as LaTeX, for a script that would draw them."""

from __future__ import annotations

import re

from lxml import etree

_TEX_SCRIPT = "math/tex"
_DELIMITED = re.compile(r"\s*(?:\\\((.+)\\\)|\\\[(.+)\\\]|\$\$(.+)\$\$)\s*", re.DOTALL)
_DRAWN = re.compile(r"MathJax|MJX")


def restore(root: etree._Element) -> None:
    """Put MathML, with the LaTeX as its annotation, where a script would draw a formula."""
    for element in list(root.iter("script", "span", "div")):
        if element.getparent() is None:
            continue
        if element.tag == "script" and (element.get("type") or "").startswith(_TEX_SCRIPT):
            _drop_drawings(element)
            displayed = "mode=display" in (element.get("type") or "").replace(" ", "")
            _become_formula(element, element.text or "", displayed=displayed)
        elif "math" in (element.get("class") or "").split() and not len(element):
            match = _DELIMITED.fullmatch(element.text or "")
            if match:
                latex = match[1] or match[2] or match[3]
                _become_formula(element, latex, displayed=match[1] is None)


def _drop_drawings(script: etree._Element) -> None:
    """Remove what the script has drawn already, before the page was saved."""
    before = script.getprevious()
    while before is not None and _DRAWN.match(before.get("class") or "") and not before.tail:
        drawn, before = before, before.getprevious()
        if (parent := drawn.getparent()) is not None:
            parent.remove(drawn)


def _become_formula(element: etree._Element, latex: str, *, displayed: bool) -> None:
    tail = element.tail
    element.clear()
    element.tag, element.tail = "math", tail
    element.set("display", "block" if displayed else "inline")
    annotation = etree.SubElement(element, "annotation", encoding="application/x-tex")
    annotation.text = latex
