"""Formulas that a page holds as LaTeX, for a script that would draw them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from lxml import etree

_TEX_SCRIPT = "math/tex"
_DELIMITED = re.compile(r"\s*(?:\\\((.+)\\\)|\\\[(.+)\\\]|\$\$(.+)\$\$)\s*", re.DOTALL)
_DRAWS = re.compile(r"mathjax|katex", re.IGNORECASE)
_DOLLAR_IS_SET = re.compile(r"(?:\[|left[\"']?\s*:)\s*[\"']\$[\"']")
_IN_TEXT: Final = r"\\\(((?:(?!\\[()]).)+)\\\)|\\\[((?:(?!\\[\[\]]).)+)\\\]|\$\$([^$]+)\$\$"
_BETWEEN_SIGNS = re.compile(_IN_TEXT, re.DOTALL)
_BETWEEN_DOLLARS = re.compile(
    _IN_TEXT + r"|(?<![\\$\w])\$(?=[^\s$])([^$]*[^\s$\\])\$(?![\d$])", re.DOTALL
)
_LEFT_ALONE: Final = ("pre", "code", "textarea", "script", "style", "noscript", "math", "title")
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
    scripts = "".join(f"{e.get('src') or ''} {e.text or ''} " for e in root.iter("script"))
    if _DRAWS.search(scripts):
        signs = _BETWEEN_DOLLARS if _DOLLAR_IS_SET.search(scripts) else _BETWEEN_SIGNS
        _restore_in_text(root, signs)


def _restore_in_text(root: etree._Element, signs: re.Pattern[str]) -> None:
    """Put MathML for the LaTeX between the signs that a script looks for."""
    walk = etree.iterwalk(root, events=("start",))
    found: list[etree._Element] = []
    for _, element in walk:
        if element.tag in _LEFT_ALONE:
            walk.skip_subtree()
        found.append(element)
    for element in found:
        if element.tag not in _LEFT_ALONE and element.text and signs.search(element.text):
            before, *formulas = _parted(element, element.text, signs)
            element.text = before.tail
            element[0:0] = formulas
        if element is not root and element.tail and signs.search(element.tail):
            before, *formulas = _parted(element, element.tail, signs)
            element.tail = None
            for formula in reversed(formulas):
                element.addnext(formula)
            element.tail = before.tail


def _parted(near: etree._Element, text: str, signs: re.Pattern[str]) -> Iterator[etree._Element]:
    """Yield an element whose tail is the text before the first formula, then the formulas."""
    end = 0
    formula = near.makeelement("math", {})
    for match in signs.finditer(text):
        formula.tail = text[end : match.start()]
        yield formula
        latex = next(group for group in match.groups() if group)
        formula, end = near.makeelement("math", {}), match.end()
        _become_formula(formula, latex, displayed=not (match[1] or match.lastindex == 4))
    formula.tail = text[end:]
    yield formula


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
